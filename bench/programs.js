/**
 * Programs that call `listen` themselves, as the first page of their framework's documentation shows them.
 *
 * Node and this server run the same file. BENCH_KIND selects the program.
 */
import { createServer } from 'node:http';
import { renderTable } from './table.js';

const HELLO = 'Hello, World!\n';
const ADDRESS = { port: 0, host: '127.0.0.1' };

const programs = {
  express: async () => {
    const { default: express } = await import('express');
    const app = express();
    app.get('/', (_request, response) => {
      response.type('text').send(HELLO);
    });
    return listen(createServer(app));
  },
  fastify: async () => {
    const { fastify } = await import('fastify');
    const app = fastify();
    app.get('/', (_request, reply) => {
      reply.type('text/plain; charset=utf-8').send(HELLO);
    });
    return app.listen(ADDRESS);
  },
  render: () => {
    const rows = Number(process.env.BENCH_ROWS);
    return listen(
      createServer((_request, response) => {
        response.setHeader('content-type', 'text/html; charset=utf-8');
        response.end(renderTable(rows));
      }),
    );
  },
};

function listen(server) {
  return new Promise((resolve) => {
    server.listen(ADDRESS, () => resolve(`http://127.0.0.1:${server.address().port}`));
  });
}

console.log(await programs[process.env.BENCH_KIND]());
