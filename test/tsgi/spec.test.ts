/**
 * Compares the specification `docs/reference/tsgi.md` with the code.
 *
 * The rules of the specification are the rules of the table, and nothing else looks like a rule. Every clause of PEP
 * 3333 has a line. The examples answer as the page states.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, onTestFinished, test } from 'vitest';
import { RULES } from '../../src/tsgi/rules.ts';
import { simpleServer } from '../../src/tsgi/simple-server.ts';
import type { Application } from '../../src/tsgi/types.ts';
import { validator } from '../../src/tsgi/validate.ts';

const document = readFileSync(new URL('../../docs/reference/tsgi.md', import.meta.url), 'utf8');

describe('the rules of the specification', () => {
  test('equal the rule table, in its order, each defined once', () => {
    const defined = [...document.matchAll(/^\*\*([A-Z]\d+)\.\*\* /gm)].map(([, rule]) => rule);
    expect(defined).toEqual(Object.keys(RULES));
  });

  test('are under the heading of the party that must keep them', () => {
    const sections = document.split(/^## /m);
    for (const [heading, letter] of Object.entries({ Applications: 'A', Servers: 'S', Middleware: 'M' })) {
      const section = sections.find((text) => text.startsWith(`${heading}\n`));
      const rules = [...section!.matchAll(/^\*\*([A-Z]\d+)\.\*\* /gm)].map(([, rule]) => rule!);
      expect(rules).toEqual(Object.keys(RULES).filter((rule) => rule.startsWith(letter)));
    }
  });

  test('are complete: every reference has a target', () => {
    const references = [...document.matchAll(/\b[ASM]\d+\b/g)].map(([rule]) => rule);
    expect(references.filter((rule) => !Object.hasOwn(RULES, rule))).toEqual([]);
  });
});

test('every clause of PEP 3333, 1 to 133, has one line in the appendix', () => {
  const appendix = document.split(/^## /m).find((text) => text.startsWith('Appendix A'))!;
  const clauses = [...appendix.matchAll(/^\| (\d[^|]*?) +\|/gm)].flatMap(([, cell]) => clausesOf(cell!));
  clauses.sort((a, b) => a - b);
  expect(clauses).toEqual(Array.from({ length: 133 }, (_, i) => i + 1));
});

/** `'60, 63'` and `'116–118'` as numbers. `'8a'` belongs to 8. */
function clausesOf(cell: string): number[] {
  return cell.split(', ').flatMap((part) => {
    if (part.endsWith('a')) return [];
    const [first, last = first] = part.split('–').map(Number);
    return Array.from({ length: last! - first! + 1 }, (_, i) => first! + i);
  });
}

describe('the examples of the specification', () => {
  const EXAMPLE = /^<!-- example: (.*) -->\n\n```js\n([^]*?)^```$/gm;
  const REQUEST =
    /^(?<method>[A-Z]+) (?<target>\/\S*)(?: (?<sent>".*?"))? → (?<status>\d{3}) (?<answer>".*")$/;
  const examples = [...document.matchAll(EXAMPLE)].map(([, sample, code]) => ({
    sample: sample!,
    code: code!,
  }));

  test('are all marked with a request and its response', () => {
    expect(examples.length).toBe(document.match(/^```js$/gm)!.length);
    for (const { sample } of examples) expect(sample).toMatch(REQUEST);
  });

  // The examples also run in the validator, because they must keep the rules.
  const ways = [
    ['alone', (application: Application) => application],
    ['watched', validator],
  ] as const;
  const runs = ways.flatMap(([how, wrap]) => examples.map((example) => ({ ...example, how, wrap })));

  test.each(runs)('$sample, $how', async ({ sample, code, wrap }) => {
    const { method, target, sent, status, answer } = REQUEST.exec(sample)!.groups!;
    const told: unknown[] = [];
    const options = { onError: (error: unknown) => told.push(error), onLine() {} };
    const server = await simpleServer(wrap(await load(code)), options);
    onTestFinished(() => server.close());
    const body = sent === undefined ? undefined : (JSON.parse(sent) as string);
    // The client keeps no connection, so that the server can close immediately.
    const headers = { connection: 'close' };
    const response = await fetch(server.url + target!, { method, headers, body });
    expect([response.status, await response.text()]).toEqual([Number(status), JSON.parse(answer!)]);
    expect(told).toEqual([]);
  });
});

/** The default export of a module, from a file that is removed with the test. */
async function load(code: string): Promise<Application> {
  const folder = mkdtempSync(path.join(tmpdir(), 'tsgi-spec-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const file = path.join(folder, 'example.mjs');
  writeFileSync(file, code);
  const module = (await import(pathToFileURL(file).href)) as { default: Application };
  return module.default;
}
