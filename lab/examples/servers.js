/**
 * Starts an example on both servers, each in its own process on a free port.
 */
import { fileURLToPath } from 'node:url';
import { Subject } from '../../examples/runaway/subject.js';

const CLI = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
export const WORKERS = 2;

/** Works in the folder of the examples, as their commands do. The programs read PORT. */
export function prepare() {
  process.chdir(fileURLToPath(new URL('../../examples/cpu', import.meta.url)));
  process.env.NODE_ENV = 'production';
  process.env.PORT = '0';
}

/** node:http and tsgi-threads, listening. Their output is shown only if one does not start. */
export async function startBoth({ file, node }) {
  // One process without a supervisor, so that its CPU time is easy to read.
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
