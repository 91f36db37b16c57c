/** Streams through a web response. */
import { createElement as h } from 'react';
import { renderToReadableStream } from 'react-dom/server.edge';
import { About, laterRows, Page } from './page.js';

export default {
  async fetch(request) {
    const headers = { 'Content-Type': 'text/html' };
    const { pathname } = new URL(request.url);
    if (pathname === '/about') return new Response(await renderToReadableStream(h(About)), { headers });
    try {
      const page =
        pathname === '/error' ? h(() => null.missing) : h(Page, { title: 'Table', rows: laterRows(500) });
      const stream = await renderToReadableStream(page, {
        bootstrapScripts: ['/main.js'],
        signal: request.signal,
        onError() {},
      });
      return new Response(stream, { headers });
    } catch {
      return new Response('<h1>Something went wrong</h1>', { status: 500, headers });
    }
  },
};
