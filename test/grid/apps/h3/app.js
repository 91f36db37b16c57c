/** h3 version 2. */
import { deleteCookie, getQuery, H3, HTTPError, parseCookies, redirect, setCookie } from 'h3';
import { setTimeout as wait } from 'node:timers/promises';

const app = new H3({ silent: true });

app.use((event) => {
  event.res.headers.set('x-served', 'yes');
});
app.get('/', (event) => {
  event.res.headers.set('content-type', 'text/html; charset=utf-8');
  return '<!doctype html><title>Home</title><h1>Hello</h1>';
});
app.get('/items/:id', (event) => ({
  id: event.context.params.id,
  query: getQuery(event),
  url: event.url.href,
}));
app.post('/json', async (event) => {
  event.res.status = 201;
  return event.req.json();
});
app.post('/form', async (event) => Object.fromEntries(await event.req.formData()));
app.get('/old', () => redirect('/'));
app.get('/cookies', (event) => {
  setCookie(event, 'one', '1');
  setCookie(event, 'two', '2', { httpOnly: true });
  deleteCookie(event, 'three');
  return { ...parseCookies(event) };
});
app.get(
  '/stream',
  () => new Response(ReadableStream.from(lines()), { headers: { 'content-type': 'text/plain' } }),
);
app.get('/nothing', () => null);
app.get('/error', () => {
  throw new Error('on purpose');
});
app.get('/teapot', () => {
  throw new HTTPError({ status: 418, statusText: 'Short And Stout', data: { pot: 1 } });
});

export default app;

async function* lines() {
  for (let i = 0; i < 5; i++) {
    yield new TextEncoder().encode(`line ${i}\n`);
    await wait(2);
  }
}
