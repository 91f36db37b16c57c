/** Fastify with schemas and its plugins. */
import { Readable } from 'node:stream';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import compress from '@fastify/compress';
import cookie from '@fastify/cookie';
import formbody from '@fastify/formbody';
import multipart from '@fastify/multipart';
import files from '@fastify/static';
import Fastify from 'fastify';

const app = Fastify({ trustProxy: true });
await app.register(cookie, { secret: 'secret' });
await app.register(formbody);
await app.register(multipart);
await app.register(compress, { threshold: 1024 });
app.register(files, { root: fileURLToPath(new URL('../public', import.meta.url)), prefix: '/static/' });

app.get('/', (request, reply) => {
  reply.type('text/html; charset=utf-8');
  return `<!doctype html><title>Home</title><h1>Hello from ${request.protocol}://${request.host}</h1>`;
});
app.get('/items/:id', {
  schema: {
    params: { type: 'object', properties: { id: { type: 'integer' } } },
    response: {
      200: {
        type: 'object',
        properties: { id: { type: 'integer' }, ip: { type: 'string' }, search: { type: 'string' } },
      },
    },
  },
  handler: (request) => ({ id: request.params.id, ip: request.ip, search: request.query.q, hidden: true }),
});
app.post('/json', {
  schema: { body: { type: 'object', required: ['name'], properties: { name: { type: 'string' } } } },
  handler: (request, reply) => reply.code(201).send(request.body),
});
app.post('/form', (request) => request.body);
app.post('/upload', async (request) => {
  const found = [];
  for await (const part of request.parts())
    found.push(
      part.type === 'file' ? [part.filename, (await part.toBuffer()).length] : [part.fieldname, part.value],
    );
  return found;
});
app.get('/old', (request, reply) => reply.redirect('/'));
app.get('/cookies', (request, reply) => {
  reply.setCookie('signed', '1', { signed: true, path: '/' });
  reply.setCookie('plain', '2', { httpOnly: true });
  return request.cookies;
});
app.get('/stream', (request, reply) => {
  reply.type('text/plain');
  return Readable.from(lines());
});
app.get('/raw', (request, reply) => {
  reply.hijack();
  reply.raw.writeHead(200, { 'Content-Type': 'text/plain', 'X-Raw': 'yes' });
  reply.raw.end('raw');
});
app.get('/web', () => new Response('from the web', { status: 202, headers: { 'X-Web': '1' } }));
app.get('/hints', (request, reply) => {
  reply.raw.writeEarlyHints({ link: '</style.css>; rel=preload; as=style' });
  return 'hinted';
});
app.get('/trailers', (request, reply) => {
  reply.trailer('x-sum', async () => '841a2d68');
  return 'with a trailer';
});
app.get('/error', async () => {
  await wait(1);
  throw new Error('on purpose');
});

export default app;

async function* lines() {
  for (let i = 0; i < 5; i++) {
    yield `line ${i}\n`;
    await wait(2);
  }
}
