/**
 * The list in the architecture page of the files that a GET crosses, against a run.
 */
import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { expect, test } from 'vitest';
import { PAGES } from './documents.ts';

/** Work of the acceptor's clock, which may or may not fall into a request. */
const BESIDE = [
  'acceptor/connection/connections.ts',
  'acceptor/connection/deadlines.ts',
  'acceptor/connection/room.ts',
  'acceptor/exchange/inbound-pump.ts',
  'acceptor/exchange/upload-gate.ts',
  'acceptor/socket/write-clock.ts',
  'acceptor/turn/audit.ts',
  'acceptor/turn/blocked-workers.ts',
  'acceptor/turn/throughput.ts',
  'acceptor/turn/ticker.ts',
  'acceptor/turn/watchdog.ts',
  'debugger.ts',
  'server/server.ts',
  'worker/load/ambiguous.ts',
];

test('the files that the architecture page lists are those that a GET crosses', () => {
  const page = PAGES.find(({ name }) => name === 'docs/internals/architecture.md')!;
  const [, list] = /<!-- crossing:[^>]*-->([^]*?)<!-- end of crossing -->/.exec(page.text)!;
  const listed = [...list!.matchAll(/`([\w./-]+\.ts)`/g)].map(([, file]) => file!);
  const script = path.join(import.meta.dirname, 'fixtures', 'crossing.mjs');
  const crossed = JSON.parse(execFileSync(process.execPath, [script], { encoding: 'utf8' })) as string[];
  expect(crossed.filter((file) => !BESIDE.includes(file))).toEqual(listed.toSorted());
});
