/**
 * The conformance kit finds no fault in this project's servers, and the right rule in each of many wrong servers.
 */
import type { Finding } from 'tsgi-threads/tsgi/conformance';
import { describe, expect, onTestFinished, test } from 'vitest';
import { formatReport, probe } from '../../../src/tsgi/conformance/index.ts';
import { type Rule, RULES } from '../../../src/tsgi/rules.ts';
import { simpleServer } from '../../../src/tsgi/simple-server.ts';
import { check, KIT } from '../../support/kit.ts';
import { serveFile } from '../../support/server.ts';
import { serveWrongly, WRONG_SERVERS } from './wrong-servers.ts';

const SERVER_RULES = (Object.keys(RULES) as Rule[]).filter((rule) => rule.startsWith('S'));

function expectKept(findings: Finding[]): void {
  expect(findings.map(({ rule }) => rule)).toEqual(SERVER_RULES);
  const bad = findings.filter(({ result }) => result !== 'kept');
  expect(bad, formatReport(bad)).toEqual([]);
}

describe('the kit finds every rule kept', () => {
  test.each([1, 4, 0])('by tsgi-threads with %i workers', async (threads) => {
    const { port } = await serveFile(KIT, threads);
    const findings = await check(`http://127.0.0.1:${port}`);
    expectKept(findings);
    if (threads === 1) console.log(formatReport(findings));
  });

  test('by tsgi-threads with --validate', async () => {
    const { port } = await serveFile(KIT, 1, { validate: true });
    // The probe breaks A9, A13 and A15 on purpose to test the server.
    const rules = SERVER_RULES.filter((rule) => !['S21', 'S22', 'S23', 'S32'].includes(rule));
    const findings = await check(`http://127.0.0.1:${port}`, { rules });
    expect(findings.filter(({ result }) => result !== 'kept')).toEqual([]);
  });

  test('by the reference server', async () => {
    const server = await simpleServer(probe, { onError() {}, onLine() {} });
    onTestFinished(() => server.close());
    expectKept(await check(server.url));
  });
});

describe('the kit finds a broken rule', () => {
  const details: string[] = [];

  test.each(WRONG_SERVERS)('%s by a server that %s', async (rule, _, wrong) => {
    const url = await serveWrongly(wrong, probe);
    const [finding] = await check(url, { rules: [rule], timeout: 700 });
    expect(finding).toMatchObject({ rule, result: 'broken', detail: expect.stringMatching(/./) });
    details.push(`${rule} ${finding!.detail}`);
  });

  test('each wrong server fails for its own reason', () => {
    expect(details.filter((detail, i) => details.indexOf(detail) !== i)).toEqual([]);
  });

  test('at least one wrong server for each rule', () => {
    expect([...new Set(WRONG_SERVERS.map(([rule]) => rule))]).toEqual(SERVER_RULES);
  });
});

test('a report has a line for each rule, the faults, and counts', () => {
  const findings: Finding[] = [
    { rule: 'S1', title: 'one', result: 'kept', detail: '' },
    { rule: 'S12', title: 'two', result: 'broken', detail: 'so' },
  ];
  expect(formatReport(findings)).toBe(
    'S1   kept    one\nS12  broken  two\n            so\n1 kept, 1 broken, 0 skipped',
  );
});

test('a URL without a server causes an error, not a finding', async () => {
  await expect(check('http://127.0.0.1:1')).rejects.toThrow('ECONNREFUSED');
});
