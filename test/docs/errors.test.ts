/**
 * Error codes in the documents and in the code are the same, and what a message cites is in the package.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { FILES, PAGES, ROOT } from './documents.ts';

const CODE = /\bTSGI_ERR_[A-Z_]+\b/g;

const sources = [...FILES]
  .filter((name) => name.startsWith('src/'))
  .map((name) => ({ name, text: readFileSync(path.join(ROOT, name), 'utf8') }));
const codes = new Set(sources.flatMap(({ text }) => text.match(CODE) ?? []));

test('the reference has one entry for each error code, and no other', () => {
  const page = PAGES.find(({ name }) => name === 'docs/reference/errors.md')!;
  const entries = [...page.prose.matchAll(/^### (.+)$/gm)].map(([, title]) => title!);
  expect(entries.toSorted()).toEqual([...codes].toSorted());
});

test('documents name only error codes that exist', () => {
  const named = PAGES.flatMap(({ name, text }) => (text.match(CODE) ?? []).map((code) => `${name}: ${code}`));
  expect(named.filter((entry) => !codes.has(entry.split(': ')[1]!))).toEqual([]);
});

test('the package contains every document that its code cites', () => {
  const { files } = JSON.parse(readFileSync(path.join(ROOT, 'package.json'), 'utf8')) as { files: string[] };
  const cited = sources.flatMap(({ name, text }) =>
    [...text.matchAll(/\b(?:docs\/[\w./-]+|[A-Z]+)\.md\b/g)].map(([file]) => ({ name, file })),
  );
  const isShipped = (file: string) =>
    FILES.has(file) && files.some((entry) => file === entry || file.startsWith(`${entry}/`));
  expect(cited.filter(({ file }) => !isShipped(file))).toEqual([]);
});
