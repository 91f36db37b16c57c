/** hapi, a whole program that ends gracefully. */
'use strict';
const path = require('node:path');
const { Readable } = require('node:stream');
const Hapi = require('@hapi/hapi');
const Inert = require('@hapi/inert');

async function main() {
  const server = Hapi.server({
    port: 3000,
    debug: false,
    routes: { files: { relativeTo: path.join(__dirname, '../public') } },
  });
  await server.register(Inert);
  server.state('visits', { isSecure: false, encoding: 'base64json' });
  server.route([
    { method: 'GET', path: '/', handler: () => '<!doctype html><title>Home</title><h1>Hello</h1>' },
    {
      method: 'GET',
      path: '/items/{id}',
      handler: ({ params, query, info }) => ({ params, query, from: info.remoteAddress }),
    },
    { method: 'POST', path: '/json', handler: ({ payload }, h) => h.response(payload).code(201) },
    { method: 'POST', path: '/form', handler: ({ payload }) => payload },
    {
      method: 'POST',
      path: '/upload',
      options: { payload: { multipart: { output: 'data' }, parse: true } },
      handler: ({ payload }) => ({ title: payload.title, size: payload.file.length }),
    },
    { method: 'GET', path: '/old', handler: (request, h) => h.redirect('/') },
    {
      method: 'GET',
      path: '/cookies',
      handler: ({ state }, h) => h.response('set').state('visits', { count: (state.visits?.count ?? 0) + 1 }),
    },
    {
      method: 'GET',
      path: '/stream',
      handler: (request, h) => h.response(Readable.from(['one ', 'two'], { objectMode: false })),
    },
    {
      method: 'GET',
      path: '/error',
      handler: () => {
        throw new Error('on purpose');
      },
    },
    { method: 'GET', path: '/static/{path*}', handler: { directory: { path: '.' } } },
  ]);
  await server.start();
  process.on('SIGTERM', () => void server.stop().then(() => process.exit(0)));
}

void main();
