/**
 * A suite that mocha runs.
 *
 * Law: starts it and reads its report; which files belong to it is `suites.js`'s.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';

const LONGEST_MS = 10 * 60_000;
const MOST_OUTPUT = 64 * 1024 * 1024;

/**
 * Returns the titles of the tests that passed.
 *
 * @param register a module to load before mocha; null for plain node:http
 */
export function runMocha(folder, args, register) {
  const mocha = path.join(folder, 'node_modules/.bin/mocha');
  if (!existsSync(mocha))
    throw new Error(`Cannot run ${mocha}: it does not exist. Run npm install in ${folder} first.`);
  const loads = register === null ? [] : ['--import', register];
  const { stdout } = spawnSync(process.execPath, [...loads, mocha, '--reporter', 'json', '--exit', ...args], {
    cwd: folder,
    encoding: 'utf8',
    maxBuffer: MOST_OUTPUT,
    timeout: LONGEST_MS,
  });
  // Tests may print, too.
  const start = stdout.indexOf('{\n  "stats"');
  if (start === -1)
    throw new Error(`mocha in ${folder} printed no report. It printed: ${stdout.slice(-1000)}`);
  const { passes } = JSON.parse(stdout.slice(start, stdout.lastIndexOf('}') + 1));
  return new Set(passes.map(({ fullTitle }) => fullTitle));
}
