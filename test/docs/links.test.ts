/**
 * Links of every Markdown file lead somewhere, and every page is found from the first one.
 */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { PAGES, ROOT } from './documents.ts';

const byName = new Map(PAGES.map((page) => [page.name, page]));

describe.each(PAGES)('$name', (page) => {
  test('links to files that exist', () => {
    const broken = page.links.filter(({ file }) => !existsSync(path.join(ROOT, file)));
    expect(broken.map(({ target }) => target)).toEqual([]);
  });

  test('links to anchors that exist', () => {
    const broken = page.links.filter(
      ({ file, anchor }) => anchor !== '' && byName.get(file)?.anchors.has(anchor) === false,
    );
    expect(broken.map(({ target }) => target)).toEqual([]);
  });
});

test('every page can be reached from README.md', () => {
  const reached = new Set(['README.md']);
  for (const name of reached) for (const { file } of byName.get(name)?.links ?? []) reached.add(file);
  expect([...byName.keys()].filter((name) => !reached.has(name))).toEqual([]);
});
