/**
 * A suite whose files are programs. A file passes if its program exits with 0.
 *
 * Law: starts them, a few at a time; which files belong to it is `suites.js`'s.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';

const AT_A_TIME = 4;
const LONGEST_MS = 30_000;

/**
 * Resolves with the names of the files that passed.
 *
 * @param register a module to load before each file; null for plain node:http
 */
export async function runFiles(folder, pattern, register) {
  const files = readdirSync(folder, { recursive: true }).filter((file) => pattern.test(file));
  const loads = register === null ? [] : ['--import', register];
  const passed = new Set();
  const runNext = async () => {
    for (let file = files.pop(); file !== undefined; file = files.pop()) {
      const child = spawn(process.execPath, [...loads, file], {
        cwd: folder,
        stdio: 'ignore',
        timeout: LONGEST_MS,
        killSignal: 'SIGKILL',
      });
      const [code] = await once(child, 'exit');
      if (code === 0) passed.add(file);
    }
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, runNext));
  return passed;
}
