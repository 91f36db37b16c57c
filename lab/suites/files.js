/**
 * A suite whose files are programs that run on their own.
 *
 * Law: starts them, a few at a time. `suites.js` chooses the files, and how their titles are read.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { withRegister } from './register.js';

const AT_A_TIME = 2;
const LONGEST_MS = 30_000;
const REPORTER = import.meta.resolve('./passes.js');

/**
 * A file passes if its program exits with 0.
 *
 * @param pattern matches the paths of the files, relative to `folder`
 * @param register a module to load before each file; null for plain node:http
 * @returns the paths of the files that passed
 */
export async function runPrograms(folder, pattern, register) {
  const passed = [];
  await forEachFile(folder, pattern, async (file) => {
    const { code } = await run(folder, [file], register);
    if (code === 0) passed.push(file);
  });
  return passed;
}

/**
 * Runs files of node:test. One more test counts whether a file ends by itself.
 *
 * @param pattern matches the paths of the files, relative to `folder`
 *
 * @param register a module to load before each file; null for plain node:http
 *
 * @returns the titles of the tests that passed
 */
export async function runNodeTest(folder, pattern, register) {
  const passed = [];
  await forEachFile(folder, pattern, async (file) => {
    const { code, printed } = await run(folder, [`--test-reporter=${REPORTER}`, file], register);
    const titles = printed.match(/(?<=^passed: ).*$/gm) ?? [];
    passed.push(...titles.map((title) => `${file}: ${title}`));
    if (code !== null) passed.push(`${file} ends`);
  });
  return passed;
}

async function forEachFile(folder, pattern, use) {
  const files = readdirSync(folder, { recursive: true }).filter((file) => pattern.test(file));
  const runNext = async () => {
    for (let file = files.pop(); file !== undefined; file = files.pop()) await use(file);
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, runNext));
}

/** `code` is null if the program was killed at `LONGEST_MS`. */
async function run(folder, args, register) {
  // A process group of its own: some tests signal their group and leave child processes behind.
  const child = spawn(process.execPath, args, {
    cwd: folder,
    env: withRegister(register),
    stdio: ['ignore', 'pipe', 'ignore'],
    detached: true,
  });
  const limit = setTimeout(() => process.kill(-child.pid, 'SIGKILL'), LONGEST_MS);
  const [[code], printed] = await Promise.all([once(child, 'exit'), text(child.stdout)]);
  clearTimeout(limit);
  return { code, printed };
}
