/**
 * `createServer`, as programs call it.
 *
 * Law: one function; the server is `server.ts`.
 */
import { callerFolder } from './caller.ts';
import { OptionError } from '../errors.ts';
import type { ServerOptions } from './server-api.ts';
import { Server } from './server.ts';

/**
 * A server that runs `options.app` in worker threads.
 *
 * @param threads number of workers; 'auto' is one a core (what the process may use); 0 runs the application in this
 *   thread, for debugging
 * @throws OptionError for options that are wrong or unknown
 */
export function createServer(threads: number | 'auto' = 'auto', options?: ServerOptions): Server {
  if (options === undefined) {
    throw new OptionError(
      'TSGI_ERR_OPTION',
      "Option app is missing: createServer(threads, { app: './app.ts' })",
    );
  }
  return new Server(threads, options, { callerFolder: callerFolder() });
}
