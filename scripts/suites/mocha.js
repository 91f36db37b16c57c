/**
 * A suite that mocha runs.
 *
 * Law: starts it and reads its report; which files belong to it is `suites.js`'s.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

const LONGEST_MS = 10 * 60_000;

/**
 * Returns the titles of the tests that passed.
 *
 * @param register a module to load before mocha; null for plain node:http
 */
export function runMocha(folder, args, register) {
  const reports = mkdtempSync(path.join(tmpdir(), 'tsgi-suites-'));
  const report = path.join(reports, 'report.json');
  const mocha = path.join(folder, 'node_modules/mocha/bin/mocha.js');
  const loads = register === null ? [] : ['--import', register];
  const options = ['--reporter', 'json', '--reporter-option', `output=${report}`, '--exit'];
  try {
    spawnSync(process.execPath, [...loads, mocha, ...options, ...args], {
      cwd: folder,
      stdio: ['ignore', 'ignore', 'inherit'],
      timeout: LONGEST_MS,
    });
    return new Set(JSON.parse(readFileSync(report, 'utf8')).passes.map(({ fullTitle }) => fullTitle));
  } finally {
    rmSync(reports, { recursive: true, force: true });
  }
}
