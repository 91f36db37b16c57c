/**
 * A page that takes a known CPU time: a React table with `rows` rows.
 */
import { createElement } from 'react';
import { renderToString } from 'react-dom/server';

const CELLS = ['name', 'category', 'price', 'stock'];

function Row({ index }) {
  const cells = CELLS.map((cell) =>
    createElement('td', { key: cell, className: cell }, `<${cell}> of ${index}`),
  );
  return createElement('tr', { id: `row-${index}` }, cells);
}

export function renderTable(rows) {
  const lines = Array.from({ length: rows }, (_, index) => createElement(Row, { key: index, index }));
  return renderToString(createElement('table', null, createElement('tbody', null, lines)));
}

/**
 * The number of rows that take `milliseconds` of CPU here once the code is warm, encoding and garbage collection
 * included.
 */
export function rowsFor(milliseconds) {
  const rows = 500;
  const rounds = 200;
  const render = () => {
    for (let i = 0; i < rounds; i++) Buffer.from(renderTable(rows));
  };
  render();
  const before = process.cpuUsage();
  render();
  const { user, system } = process.cpuUsage(before);
  const each = (user + system) / 1000 / rounds;
  return Math.round((rows * milliseconds) / each);
}
