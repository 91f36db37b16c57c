/**
 * Signals that the server does not use, in the serving process. They reach the listeners of the program, in every worker that
 * has one.
 *
 * Law: receives the signals, passes them to the server, and logs a signal without a listener. With 0 threads the program
 * listens in this thread, and Node calls it.
 *
 * A signal may arrive twice: from the kernel, because it was sent to the process group, and from the parent, which received
 * it too.
 */
import { ENDING } from '../signals.ts';
import type { ParentLink } from '../supervisor/parent-link.ts';
import { tell } from './exit.ts';

/** A signal from the kernel and one from the parent count as one within this time, ms. */
const SAME_MS = 100;

/** The server, as this file uses it. */
export interface SignalledServer {
  readonly threads: number;
  /** Returns the number of workers that listen for the signal. */
  signal(name: NodeJS.Signals): number;
}

type Source = 'kernel' | 'parent';

export class ProgramSignals {
  readonly #parent: ParentLink | null;
  readonly #server: () => SignalledServer | undefined;
  readonly #heard: Set<NodeJS.Signals> = new Set();
  readonly #last: Map<NodeJS.Signals, { readonly at: number; readonly source: Source }> = new Map();

  /** @param server returns undefined before the server exists */
  constructor(parent: ParentLink | null, server: () => SignalledServer | undefined) {
    this.#parent = parent;
    this.#server = server;
    for (const name of ENDING) this.#hear(name);
  }

  /** The program listens for these signals. */
  programListens(names: readonly NodeJS.Signals[]): void {
    for (const name of names) this.#hear(name);
    void this.#parent?.say({ type: 'signals', names });
  }

  fromParent(name: NodeJS.Signals): void {
    // This process has no listener for the signal, or the program's own listener is in this thread.
    if (!this.#heard.has(name) || this.#server()?.threads === 0) process.kill(process.pid, name);
    else this.#on(name, 'parent');
  }

  /** The listener is never removed. Afterwards SIGUSR1 would end the process instead of starting the inspector. */
  #hear(name: NodeJS.Signals): void {
    if (this.#heard.has(name)) return;
    this.#heard.add(name);
    process.on(name, () => this.#on(name, 'kernel'));
  }

  #on(name: NodeJS.Signals, source: Source): void {
    const now = performance.now();
    const last = this.#last.get(name);
    if (last !== undefined && last.source !== source && now - last.at < SAME_MS) return;
    this.#last.set(name, { at: now, source });
    const server = this.#server();
    const isHeard = server?.threads === 0 ? process.listenerCount(name) > 1 : (server?.signal(name) ?? 0) > 0;
    if (isHeard) return;
    if (name === 'SIGUSR1') void openInspector();
    else if (ENDING.includes(name))
      tell(`${name} received: ignored, because the application does not listen for it`);
  }
}

/** Does what Node does on SIGUSR1 if the process has no listener. */
async function openInspector(): Promise<void> {
  if (!process.features.inspector) return;
  const inspector = await import('node:inspector');
  if (inspector.url() === undefined) inspector.open();
}
