/**
 * The tsgi folder alone: copied to an empty place, it compiles, serves and passes its own conformance kit.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { transformSync } from 'esbuild';
import { expect, onTestFinished, test } from 'vitest';

const SOURCE = path.join(import.meta.dirname, '..', '..', 'src', 'tsgi');

const PROGRAM = `
import { Worker, isMainThread, parentPort, workerData } from 'node:worker_threads';
import { checkServer, formatReport, probe } from './tsgi/conformance/index.js';
import { simpleServer } from './tsgi/index.js';

if (isMainThread) {
  const server = await simpleServer(probe, { onError() {}, onLine() {} });
  const client = new Worker(new URL(import.meta.url), { workerData: server.url });
  client.on('message', (report) => {
    console.log(report);
    process.exit();
  });
} else parentPort.postMessage(formatReport(await checkServer(workerData)));
`;

/** Copies the folder as JavaScript. Only the types are removed and the extensions of imports changed. */
function copyTo(folder: string): void {
  for (const file of readdirSync(SOURCE, { recursive: true, encoding: 'utf8' })) {
    if (!file.endsWith('.ts')) continue;
    const { code } = transformSync(readFileSync(path.join(SOURCE, file), 'utf8'), {
      loader: 'ts',
      format: 'esm',
    });
    const to = path.join(folder, 'tsgi', file.replace(/\.ts$/, '.js'));
    mkdirSync(path.dirname(to), { recursive: true });
    writeFileSync(to, code.replaceAll(/(from\s+["']\.[^"']*)\.ts(["'])/g, '$1.js$2'));
  }
}

test('the tsgi folder alone passes the kit on its reference server', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'tsgi-alone-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  copyTo(folder);
  writeFileSync(path.join(folder, 'package.json'), '{ "type": "module" }\n');
  writeFileSync(path.join(folder, 'kit.js'), PROGRAM);
  const report = execFileSync(process.execPath, ['kit.js'], {
    cwd: folder,
    encoding: 'utf8',
    timeout: 60_000,
  });
  expect(report, report).toContain('\n36 kept, 0 broken, 0 skipped');
});

test('the reference server is short enough to read beside the specification', () => {
  const lines = readFileSync(path.join(SOURCE, 'simple-server.ts'), 'utf8').split('\n');
  expect(lines.length).toBeLessThan(200);
});
