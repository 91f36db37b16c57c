/**
 * `createServer`, as programs call it.
 *
 * Law: distinguishes the forms of a call. The server is `server.ts`.
 */
import { callerFolder } from './caller.ts';
import { OptionError } from '../errors.ts';
import type { ServerOptions } from './server-api.ts';
import { Server } from './server.ts';

type Threads = NonNullable<ServerOptions['threads']>;

/**
 * Creates a server that runs `options.app` in worker threads. The server does not listen before `listen()` is called.
 *
 * @example
 * const server = createServer({ app: './app.ts', threads: 4 });
 * await server.listen();
 * @throws OptionError TSGI_ERR_OPTION for an option that is wrong, unknown or missing
 */
export function createServer(options: ServerOptions): Server;
/**
 * Creates a server that runs `options.app` in `threads` worker threads. The same as `createServer({ threads, ...options })`.
 *
 * @example
 * const server = createServer(4, { app: './app.ts' });
 * @throws OptionError TSGI_ERR_OPTION for an option that is wrong, unknown or missing, or if `options` has `threads` too
 */
export function createServer(threads: Threads, options: Omit<ServerOptions, 'threads'>): Server;
export function createServer(...args: [ServerOptions] | [Threads, Omit<ServerOptions, 'threads'>]): Server {
  return new Server(optionsOf(args), { callerFolder: callerFolder() });
}

/** @throws OptionError TSGI_ERR_OPTION for a call that has neither form */
function optionsOf(args: readonly unknown[]): ServerOptions {
  const [first, second] = args;
  if (isOptions(first)) {
    if (second === undefined) return first;
    throw wrongCall(
      'its first argument is the options, so it takes no second one',
      'Write all options into one object: createServer({ app, threads })',
    );
  }
  if (typeof first === 'string' && first !== 'auto' && !/^\d+$/.test(first)) {
    const app = JSON.stringify(first);
    throw wrongCall(
      `its first argument is the text ${app}, and it takes options or a number of threads`,
      `If that is the application, write createServer({ app: ${app} })`,
    );
  }
  if (!isOptions(second))
    throw wrongCall(
      'Option app is missing',
      "Write createServer({ app: './app.ts' }) with the path of the application",
    );
  if (first === undefined) return second;
  if (second.threads !== undefined)
    throw wrongCall(
      `threads is set twice, as ${String(first)} and as ${second.threads} in the options`,
      'Set it once: createServer({ app, threads })',
    );
  return { ...second, threads: first as Threads };
}

/** True for an object that is not a URL, because a URL is an application. */
function isOptions(value: unknown): value is ServerOptions {
  return typeof value === 'object' && value !== null && !(value instanceof URL);
}

function wrongCall(why: string, remedy: string): OptionError {
  return new OptionError('TSGI_ERR_OPTION', `Cannot create a server: ${why}. ${remedy}.`);
}
