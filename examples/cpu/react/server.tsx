/**
 * A React page with a table of 1,000 rows, rendered for each request. This Express program calls `listen` itself.
 *
 *   npx tsgi-threads react/server.tsx
 *   node --import tsx react/server.tsx
 *   curl http://127.0.0.1:3000/
 */
import type { AddressInfo } from 'node:net';
import express from 'express';
import { renderToPipeableStream } from 'react-dom/server';
import { Catalogue } from './catalogue.tsx';

const app = express();

app.get('/health', (_request, response) => {
  response.type('text').send('ok\n');
});

app.get('/', (_request, response) => {
  const { pipe } = renderToPipeableStream(<Catalogue />, {
    onAllReady() {
      response.type('html');
      pipe(response);
    },
    onError(error) {
      console.error(error);
      if (!response.headersSent) response.status(500).end();
    },
  });
});

const server = app.listen(Number(process.env.PORT ?? 3000), () => {
  console.log(`React on http://127.0.0.1:${(server.address() as AddressInfo).port}`);
});
