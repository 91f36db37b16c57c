/**
 * Why an address cannot be listened on, and what to do.
 *
 * Law: words only.
 */
import { OptionError, type TsgiError } from '../errors.ts';

const REMEDY: Record<string, (port: number, host: string) => string> = {
  EADDRINUSE: (port) => `port ${port} is in use: stop whoever uses it, or choose another with --port`,
  EACCES: (port) => `no permission for port ${port}: choose one of 1024 or above with --port`,
  EADDRNOTAVAIL: (_, host) => `${host} is no address of this machine: choose another with --host`,
  ENOTFOUND: (_, host) => `host ${host} cannot be resolved: choose another with --host`,
};

export function listenError(error: NodeJS.ErrnoException, port: number, host: string): TsgiError {
  const remedy = REMEDY[error.code ?? '']?.(port, host) ?? error.message;
  const shown = host.includes(':') ? `[${host}]` : host;
  return new OptionError('TSGI_ERR_LISTEN', `Cannot listen on ${shown}:${port}: ${remedy}`, { cause: error });
}
