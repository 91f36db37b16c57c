/**
 * Why the server cannot listen on an address, and what to do.
 *
 * Law: words only.
 */
import { OptionError, type TsgiError } from '../errors.ts';

const REMEDY: Record<string, (port: number, host: string) => string> = {
  EADDRINUSE: (port) =>
    `port ${port} is in use. Stop the program that uses it, or choose another port with --port`,
  EACCES: (port) => `no permission for port ${port}. Choose a port of 1024 or above with --port`,
  EADDRNOTAVAIL: (_, host) => `${host} is not an address of this machine. Choose another host with --host`,
  ENOTFOUND: (_, host) => `host ${host} cannot be resolved. Choose another host with --host`,
};

export function listenError(error: NodeJS.ErrnoException, port: number, host: string): TsgiError {
  const remedy = REMEDY[error.code ?? '']?.(port, host) ?? error.message;
  const shown = host.includes(':') ? `[${host}]` : host;
  return new OptionError('TSGI_ERR_LISTEN', `Cannot listen on ${shown}:${port}: ${remedy}`, { cause: error });
}
