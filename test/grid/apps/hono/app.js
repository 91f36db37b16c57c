/** Hono with its own middleware. */
import { Hono } from 'hono';
import { deleteCookie, getCookie, setCookie } from 'hono/cookie';
import { cors } from 'hono/cors';
import { etag } from 'hono/etag';
import { secureHeaders } from 'hono/secure-headers';
import { stream, streamSSE, streamText } from 'hono/streaming';

const app = new Hono();

app.use(secureHeaders());
app.use('/api/*', cors({ origin: 'http://other.test', credentials: true }));
app.use('/tagged', etag());

app.get('/', (c) => c.html('<!doctype html><title>Home</title><h1>Hello</h1>'));
app.get('/items/:id', (c) => {
  const { q } = c.req.query();
  return c.json({ id: c.req.param('id'), q, agent: c.req.header('User-Agent') ?? null, url: c.req.url });
});
app.get('/tagged', (c) => c.text('tagged'));
app.get('/api/data', (c) => c.json([1, 2, 3]));
app.post('/json', async (c) => c.json(await c.req.json(), 201));
app.post('/form', async (c) => {
  const form = await c.req.parseBody({ all: true });
  const shown = Object.entries(form).map(([name, value]) => [
    name,
    value instanceof File ? [value.name, value.size] : value,
  ]);
  return c.json(Object.fromEntries(shown));
});
app.post('/echo', (c) => c.body(c.req.raw.body, 200, { 'Content-Type': 'application/octet-stream' }));
app.get('/old', (c) => c.redirect('/'));
app.get('/cookies', (c) => {
  setCookie(c, 'one', '1', { httpOnly: true });
  setCookie(c, 'two', '2', { path: '/cookies', maxAge: 60 });
  deleteCookie(c, 'three');
  return c.json(getCookie(c));
});
app.get('/stream', (c) =>
  streamText(c, async (out) => {
    for (let i = 0; i < 5; i++) {
      await out.writeln(`line ${i}`);
      await out.sleep(2);
    }
  }),
);
app.get('/events', (c) =>
  streamSSE(c, async (out) => {
    for (let i = 0; i < 3; i++) await out.writeSSE({ id: String(i), event: 'tick', data: 'now' });
  }),
);
app.get('/bytes', (c) => {
  c.header('Content-Type', 'application/octet-stream');
  return stream(c, async (out) => void (await out.write(new Uint8Array(300_000).fill(7))));
});
app.get('/nothing', (c) => c.body(null, 204));
app.get('/error', () => {
  throw new Error('on purpose');
});
app.onError((error, c) => c.text(`failed ${error.message}`, 500));

export default app;
