/** A page whose second half comes later. */
import { createElement as h, Suspense, use } from 'react';

function Rows({ rows }) {
  return h(
    'table',
    null,
    h(
      'tbody',
      null,
      use(rows).map((row) => h('tr', { key: row }, h('td', null, `Row ${row}`))),
    ),
  );
}

export function Page({ title, rows }) {
  return h(
    'html',
    { lang: 'en' },
    h('head', null, h('title', null, title)),
    h(
      'body',
      null,
      h('h1', null, title),
      h(Suspense, { fallback: h('p', null, 'Loading…') }, h(Rows, { rows })),
    ),
  );
}

export function About() {
  return h('html', null, h('body', null, h('p', null, 'About & more')));
}

export function laterRows(count) {
  return new Promise((resolve) => setTimeout(() => resolve(Array.from({ length: count }, (_, i) => i)), 50));
}
