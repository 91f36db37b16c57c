/**
 * Whether a debugger is attached to this process. A debugger may stop a worker at a breakpoint for any time.
 *
 * Law: reads the state of Node's inspector. The watchdog and the pool decide what follows.
 *
 * `inspector.url()` shows whether the inspector listens, not whether a client is connected. A server that runs with
 * `--inspect` but without a client keeps its deadlines. So this file looks for connections of the inspector's port, which
 * Linux lists in /proc. On other systems an inspector that listens counts as attached.
 */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** How long one result from /proc is valid, ms. */
const LOOK_MS = 250;
const TABLES = ['/proc/self/net/tcp', '/proc/self/net/tcp6'];
/** The kernel's TCP_ESTABLISHED, as /proc writes it. */
const ESTABLISHED = '01';
/** The index of the field with the socket's inode. */
const INODE = 9;

export class Debugger {
  readonly #onAttached: () => void;
  #attached = false;
  #lookedAt = Number.NEGATIVE_INFINITY;

  /** @param onAttached called each time when a debugger was attached since the last check */
  constructor(onAttached: () => void) {
    this.#onAttached = onAttached;
  }

  /** True while a debugger is attached, accurate to a quarter of a second. */
  get attached(): boolean {
    const port = inspectorPort();
    if (port === 0) return (this.#attached = false);
    const now = performance.now();
    if (now - this.#lookedAt < LOOK_MS) return this.#attached;
    this.#lookedAt = now;
    const before = this.#attached;
    this.#attached = hasClients(port);
    if (this.#attached && !before) this.#onAttached();
    return this.#attached;
  }
}

/** The port on which the inspector of this process listens. 0 if it does not listen, or if Node was built without it. */
export function inspectorPort(): number {
  if (!process.features.inspector) return 0;
  const url = process.getBuiltinModule('node:inspector').url();
  return url === undefined ? 0 : Number(new URL(url).port);
}

/**
 * Whether a client is connected to a port of a process. Another process may have the same port at another address.
 *
 * @param pid Default: this process.
 */
export function hasClients(port: number, pid: number | 'self' = 'self'): boolean {
  const tables = TABLES.flatMap(readLines);
  if (tables.length === 0) return true;
  const local = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const sockets = tables
    .map((line) => line.trim().split(/\s+/))
    .filter(([, address, , state]) => state === ESTABLISHED && address!.endsWith(local))
    .map((fields) => `socket:[${fields[INODE]}]`);
  return sockets.length > 0 && holdsAny(pid, sockets);
}

/** Whether a process has one of these sockets. A process whose descriptors cannot be read counts as having it. */
function holdsAny(pid: number | 'self', sockets: readonly string[]): boolean {
  const folder = `/proc/${pid}/fd`;
  try {
    return readdirSync(folder).some((fd) => sockets.includes(targetOf(`${folder}/${fd}`)));
  } catch {
    return true;
  }
}

/** Empty for a descriptor that was closed meanwhile. */
function targetOf(link: string): string {
  try {
    return readlinkSync(link);
  } catch {
    return '';
  }
}

/** Empty if the file does not exist. */
function readLines(file: string): string[] {
  try {
    return readFileSync(file, 'utf8').split('\n').slice(1, -1);
  } catch {
    return [];
  }
}
