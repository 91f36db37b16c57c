/**
 * A page that takes a while: a React table with so many rows.
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

/** How many rows take so many milliseconds of CPU here, bytes and garbage included, once the code is warm. */
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
