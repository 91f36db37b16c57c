/** Fastify as its documentation begins, in CommonJS. */
'use strict';
const fastify = require('fastify')();

fastify.get('/', async (request, reply) => {
  reply.type('text/html');
  return '<!doctype html><title>Home</title><h1>Hello</h1>';
});
fastify.get('/items/:id', (request, reply) => {
  reply.send({ id: request.params.id, query: request.query, ip: request.ip });
});
fastify.post('/json', async (request) => request.body);
fastify.get('/error', async () => {
  throw new Error('on purpose');
});
fastify.addHook('onSend', async (request, reply) => {
  reply.header('X-Seen', request.url);
});

fastify.listen({ port: 3000 }, (err) => {
  if (err) {
    console.error(err);
    process.exit(1);
  }
});
