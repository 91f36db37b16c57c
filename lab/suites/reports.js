/**
 * Suites of mocha and vitest: one command that prints a report of all tests as JSON.
 *
 * Law: starts the command and reads its report. `suites.js` chooses the files.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { withRegister } from './register.js';

const LONGEST_MS = 9 * 60_000;
const MOST_OUTPUT = 64 * 1024 * 1024;

/**
 * @param args files and options of mocha
 * @param register a module to load before mocha; null for plain node:http
 * @returns the titles of the tests that passed
 */
export function runMocha(folder, args, register) {
  const printed = run(folder, 'mocha', ['--reporter', 'json', '--exit', ...args], register);
  const { passes } = reportIn(printed, '{\n  "stats"', '}');
  return passes.map(({ fullTitle }) => fullTitle);
}

/**
 * @param args files and options of `vitest run`
 * @param register a module to load before vitest and in its workers; null for plain node:http
 * @returns the titles of the tests that passed
 */
export function runVitest(folder, args, register) {
  const printed = run(folder, 'vitest', ['run', '--reporter=json', ...args], register);
  const { testResults } = reportIn(printed, '{"numTotalTestSuites"', '}');
  return testResults.flatMap(({ name, assertionResults }) =>
    assertionResults
      .filter(({ status }) => status === 'passed')
      .map(({ fullName }) => `${path.relative(folder, name)}: ${fullName}`),
  );
}

function run(folder, program, args, register) {
  const command = path.join(folder, 'node_modules/.bin', program);
  if (!existsSync(command))
    throw new Error(`Cannot run ${command}: it does not exist. Install the dependencies of ${folder} first.`);
  const { stdout } = spawnSync(command, args, {
    cwd: folder,
    env: withRegister(register),
    encoding: 'utf8',
    maxBuffer: MOST_OUTPUT,
    timeout: LONGEST_MS,
  });
  return stdout;
}

/** Tests may print text before the report. */
function reportIn(printed, start, end) {
  const from = printed.indexOf(start);
  if (from === -1) throw new Error(`The suite printed no report. It printed: ${printed.slice(-1000)}`);
  return JSON.parse(printed.slice(from, printed.lastIndexOf(end) + 1));
}
