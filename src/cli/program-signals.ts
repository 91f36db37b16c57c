/**
 * Signals that the server does not use, in the process that serves: they reach the listeners of the program, in every
 * worker that has one.
 *
 * Law: hears them, asks the server to pass them on, and tells what nobody listens for. With 0 threads the program listens
 * in this thread, and Node calls it.
 *
 * A signal may come twice, from the kernel because it was sent to the process group, and from the parent, which had it, too.
 */
import { ENDING } from '../signals.ts';
import type { ParentLink } from '../supervisor/parent-link.ts';
import { tell } from './exit.ts';

/** Within so long the kernel's and the parent's are one, ms. */
const SAME_MS = 100;

/** The server, as far as this file needs it. */
export interface SignalledServer {
  readonly threads: number;
  /** Returns how many workers listen for it. */
  signal(name: NodeJS.Signals): number;
}

type Source = 'kernel' | 'parent';

export class ProgramSignals {
  readonly #parent: ParentLink | null;
  readonly #server: () => SignalledServer | undefined;
  readonly #heard: Set<NodeJS.Signals> = new Set();
  readonly #last: Map<NodeJS.Signals, { readonly at: number; readonly source: Source }> = new Map();

  /** @param server undefined before there is one */
  constructor(parent: ParentLink | null, server: () => SignalledServer | undefined) {
    this.#parent = parent;
    this.#server = server;
    for (const name of ENDING) this.#hear(name);
  }

  /** A program listens for these. */
  programListens(names: readonly NodeJS.Signals[]): void {
    for (const name of names) this.#hear(name);
    void this.#parent?.say({ type: 'signals', names });
  }

  fromParent(name: NodeJS.Signals): void {
    // Nobody has taken it from Node, or the program's own listener is there.
    if (!this.#heard.has(name) || this.#server()?.threads === 0) process.kill(process.pid, name);
    else this.#on(name, 'parent');
  }

  /** Never taken back: without a listener SIGUSR1 would not start the inspector any more, but end the process. */
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

/** What Node does with SIGUSR1 when nobody listens for it. */
async function openInspector(): Promise<void> {
  if (!process.features.inspector) return;
  const inspector = await import('node:inspector');
  if (inspector.url() === undefined) inspector.open();
}
