/** Streams through Node's response. */
import http from 'node:http';
import { createElement as h } from 'react';
import { renderToPipeableStream, renderToString } from 'react-dom/server';
import { About, laterRows, Page } from './page.js';

http
  .createServer((req, res) => {
    if (req.url === '/about') {
      res.setHeader('Content-Type', 'text/html');
      return res.end(`<!doctype html>${renderToString(h(About))}`);
    }
    if (req.url === '/error') {
      const { pipe } = renderToPipeableStream(
        h(() => h('p', null, null.missing)),
        {
          onShellError() {
            res.statusCode = 500;
            res.end('<h1>Something went wrong</h1>');
          },
          onShellReady: () => pipe(res),
          onError() {},
        },
      );
      return;
    }
    const { pipe } = renderToPipeableStream(h(Page, { title: 'Table', rows: laterRows(500) }), {
      bootstrapScripts: ['/main.js'],
      onShellReady() {
        res.setHeader('Content-Type', 'text/html');
        pipe(res);
      },
    });
  })
  .listen(3000);
