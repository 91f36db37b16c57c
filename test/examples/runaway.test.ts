/**
 * The demonstration of a handler that never returns, in its short form. The test checks the printed output.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { until } from '../support/until.ts';

const DEMO = fileURLToPath(new URL('../../examples/runaway/demo.js', import.meta.url));

async function run(): Promise<{ code: number | null; stdout: string }> {
  const child = spawn(process.execPath, [DEMO, '--quick'], { stdio: ['ignore', 'pipe', 'inherit'] });
  // Not SIGKILL: after SIGTERM the demo also ends its servers.
  onTestFinished(() => void child.kill('SIGTERM'));
  let stdout = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  const [code] = await once(child, 'close');
  return { code, stdout };
}

/** The two cells of a row of the summary: node:cluster, and this server. */
function row(stdout: string, title: string): string[] {
  const summary = stdout.slice(stdout.indexOf('What was measured'));
  const line = summary.split('\n').find((text) => text.trim().startsWith(title));
  return line!.trim().slice(title.length).trim().split(/ {2,}/);
}

/** A process that has ended counts as gone, even if its parent has not collected it. */
function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return process.platform !== 'linux' || !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

test('runaway: node:cluster hangs and uses CPU, tsgi-threads answers with 504 and loses nothing', async () => {
  const { code, stdout } = await run();
  expect(code).toBe(0);
  for (const title of ['first runaway', 'second runaway']) {
    const [cluster, ours] = row(stdout, title);
    expect(cluster).toMatch(/^no answer in \d/);
    expect(ours).toMatch(/^504 after [1-3]\.\d\d s; same connection: 200$/);
  }
  const number = (title: string) => row(stdout, title).map(Number);
  const [sent, answered] = [number('ordinary requests'), number('answered')];
  expect(answered[1]).toBe(sent[1]);
  expect(number('failed')).toEqual([0, 0]);
  const [hung, lost] = number('never answered');
  expect(lost).toBe(0);
  // At least every kept connection waits, because both workers are stuck.
  expect(hung).toBeGreaterThanOrEqual(20);
  expect(row(stdout, 'workers that answer afterwards')).toEqual(['0 of 2', '2 of 2']);
  const [burnt, idle] = row(stdout, 'CPU while nobody asks').map(Number.parseFloat);
  expect(burnt).toBeGreaterThan(idle!);
  const pids = [...stdout.matchAll(/processes ([\d ]+)/g)].flatMap(([, list]) =>
    list!.split(' ').map(Number),
  );
  expect(pids).toHaveLength(4);
  await until(() => !pids.some(isRunning));
}, 60_000);
