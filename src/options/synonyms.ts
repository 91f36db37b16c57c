/**
 * Names that other servers use for these options, for the hint `did you mean`.
 *
 * Law: data, and the look-up of one name.
 */
import type { AnyOption } from './show.ts';

const SYNONYMS: Readonly<Record<string, readonly AnyOption[]>> = {
  worker: ['threads'],
  workers: ['threads'],
  w: ['threads'],
  processes: ['threads'],
  instances: ['threads'],
  i: ['threads'],
  cluster: ['threads'],
  concurrencylimit: ['concurrency'],
  bind: ['host', 'port'],
  b: ['host', 'port'],
  listen: ['host', 'port'],
  l: ['host', 'port'],
  address: ['host', 'port'],
  hostname: ['host'],
  timeout: ['handlerTimeout'],
  requesttimeout: ['handlerTimeout'],
  gracefultimeout: ['shutdownTimeout'],
  killtimeout: ['shutdownTimeout'],
  keepalive: ['keepAliveTimeout'],
  bodylimit: ['maxBodySize'],
  limit: ['maxBodySize'],
  maxmemory: ['maxWorkerMemory'],
  maxmemoryrestart: ['maxWorkerMemory'],
  reload: ['watch'],
  env: ['envFile'],
  dotenv: ['envFile'],
  require: ['import'],
  r: ['import'],
  preload: ['import'],
  sticky: ['affinity'],
};

/** The options that correspond to a name in another server. Empty if the name is not known. */
export function synonymsOf(name: string): readonly AnyOption[] {
  const key = name.replace(/[-_]/g, '').toLowerCase();
  return Object.hasOwn(SYNONYMS, key) ? SYNONYMS[key]! : [];
}
