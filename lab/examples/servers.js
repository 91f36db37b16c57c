/**
 * An example on both servers, each a process of its own on a free port.
 */
import { fileURLToPath } from 'node:url';
import { Subject } from '../../examples/runaway/subject.js';

const CLI = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
export const WORKERS = 2;

/** Works in the examples' folder, as its commands do; PORT is what the programs look at. */
export function prepare() {
  process.chdir(fileURLToPath(new URL('../../examples/cpu', import.meta.url)));
  process.env.NODE_ENV = 'production';
  process.env.PORT = '0';
}

/** node:http and tsgi-threads, listening. What they say of themselves is shown only when one does not start. */
export async function startBoth({ file, node }) {
  // One process, whose CPU is easily told; the supervisor has no part in this.
  const ours = [
    CLI,
    file,
    '--port',
    '0',
    '--host',
    '127.0.0.1',
    '--threads',
    String(WORKERS),
    '--no-supervise',
  ];
  return [await start('node:http', node), await start('tsgi-threads', ours)];
}

async function start(name, args) {
  const said = [];
  const subject = new Subject(name, args, (line) => said.push(line));
  try {
    await subject.ready();
  } catch (error) {
    throw new Error(`${error.message}: node ${args.join(' ')}\n${said.join('\n')}`, { cause: error });
  }
  return subject;
}
