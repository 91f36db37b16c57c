/**
 * What tests import: the rule is in test/README.md.
 */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';

type Kind = 'src' | 'dist' | 'package';

/** The folders whose tests import one kind only. */
const ONLY: Record<string, Kind> = {
  acceptor: 'src',
  http: 'src',
  ring: 'src',
  supervisor: 'dist',
  node: 'package',
};

const files = readdirSync(import.meta.dirname, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts') && !file.includes('node_modules'))
  .map((file) => ({ file, kinds: kindsOf(readFileSync(path.join(import.meta.dirname, file), 'utf8')) }));

/** Of the values that a file imports. The text of applications within it is not looked at. */
function kindsOf(text: string): Kind[] {
  const kinds: Set<Kind> = new Set();
  for (const [, isType, target] of text.matchAll(/^import (type )?[^;']*? ?from '([^']+)';$/gm)) {
    if (isType !== undefined) continue;
    if (/^(\.\.\/)+src\//.test(target!)) kinds.add('src');
    if (/^(\.\.\/)+dist\//.test(target!)) kinds.add('dist');
    if (/^tsgi-threads(\/|$)/.test(target!)) kinds.add('package');
  }
  return [...kinds];
}

describe('a file of test/', () => {
  test('imports no values from both src and dist', () => {
    const both = files.filter(({ kinds }) => kinds.includes('src') && kinds.includes('dist'));
    expect(both.map(({ file }) => file)).toEqual([]);
  });

  test.each(Object.entries(ONLY))('in test/%s imports values of the product from %s only', (folder, only) => {
    const own = files.filter(({ file }) => file.startsWith(folder + path.sep));
    expect(own.flatMap(({ kinds }) => kinds)).toContain(only);
    const others = own.filter(({ kinds }) => kinds.some((kind) => kind !== only));
    expect(others.map(({ file }) => file)).toEqual([]);
  });
});
