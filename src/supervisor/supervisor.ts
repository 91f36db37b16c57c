/**
 * A parent that watches the process that serves, and starts it again when it dies.
 *
 * Law: binds and keeps the listening socket, never accepts, loads no application. What it is told by signals comes through its
 * methods (`cli/supervise.ts`); what it has to say goes to a log.
 *
 * At most one child serves and is not leaving (`current`), and one more starts to take its place (`next`). A child that
 * dies without having been told to is replaced: at once, or after a back-off when it did not live long.
 *
 * Which address is served only the child knows, and it may know it no sooner than its application has loaded; so it asks.
 * One that asks for what there is already is given that, and nobody who connects notices that another serves.
 */
import { WorkingDirectory } from '../working-directory.ts';
import { Child, type ChildOwner } from './child.ts';
import { type HeartbeatLimits, Heartbeats } from './heartbeats.ts';
import { ListeningSocket } from './listening-socket.ts';
import type { SocketAddressRequest } from './parent-messages.ts';

/** A process that dies sooner after it was ready counts as one of a crash loop, ms. */
const SHORT_LIFE_MS = 1000;
const BACKOFF_MS = { first: 100, most: 5000 };
/** What a child may take beyond the time that it was told, ms. */
const GRACE_MS = 2000;
const LOST_SHOWN = 20;

export interface SupervisorOptions extends HeartbeatLimits {
  /** Program and arguments of the process that serves. */
  readonly command: readonly [string, ...string[]];
  /** Milliseconds. */
  readonly shutdownTimeout: number;
  readonly log: (text: string) => void;
  /** A program listens for these signals. */
  readonly onSignals: (names: readonly NodeJS.Signals[]) => void;
}

export class Supervisor implements ChildOwner {
  readonly #options: SupervisorOptions;
  readonly #directory: WorkingDirectory = new WorkingDirectory();
  /** By place: which of those where the server listens. */
  readonly #sockets: Map<number, ListeningSocket> = new Map();
  /** The last of the answers to children, which are given one after the other. */
  #answers: Promise<void> = Promise.resolve();
  readonly #children: Set<Child> = new Set();
  readonly #heartbeats: Heartbeats;
  #current: Child | null = null;
  #next: Child | null = null;
  #closing = false;
  #backoff = 0;
  #diedAt = 0;
  #resolve!: (code: number) => void;

  constructor(options: SupervisorOptions) {
    this.#options = options;
    this.#heartbeats = new Heartbeats(options, this.#children);
  }

  /**
   * Resolves with the exit code when no child is left: that of the one that was told to close, or of the first when it
   * did not start.
   */
  run(): Promise<number> {
    this.#heartbeats.start();
    return new Promise((resolve) => {
      this.#resolve = resolve;
      this.#next = this.#spawn();
    });
  }

  /** It was told to close. */
  get closing(): boolean {
    return this.#closing;
  }

  /** Closes gracefully; the second time ends it now, with the code that it is given. */
  close(code: number): void {
    const again = this.#closing;
    this.#closing = true;
    // Nobody may wait in the kernel's queue for a process that does not come.
    if (!again) this.#forget();
    for (const child of this.#children) {
      if (again) child.terminate(code, GRACE_MS);
      else child.close(this.#options.shutdownTimeout + GRACE_MS);
    }
    if (this.#children.size === 0) this.#resolve(0);
  }

  /** One that is about to take another's place may have loaded the old code. */
  reload(): void {
    this.#current?.reload();
    this.#next?.reload();
  }

  /** Passes on a signal that the server does not use. */
  signal(name: NodeJS.Signals): void {
    this.#current?.signal(name);
    this.#next?.signal(name);
  }

  /** Ends everything without a word to anybody. */
  kill(): void {
    this.#closing = true;
    for (const child of this.#children) child.kill();
  }

  #spawn(): Child {
    const line = this.#directory.enter();
    if (line !== undefined) this.#options.log(line);
    const child = new Child(this.#options.command, this);
    this.#children.add(child);
    return child;
  }

  /** That of the address, bound now if it is another than before. */
  async #socketFor(place: number, address: SocketAddressRequest): Promise<ListeningSocket> {
    const before = this.#sockets.get(place);
    if (before?.isFor(address) === true) return before;
    // A reservation gives way. So does a socket of the same port, because that port cannot be bound twice.
    if (before !== undefined && (!before.handed || before.port === address.port)) {
      before.close();
      this.#sockets.delete(place);
    }
    const socket = await ListeningSocket.bind(address);
    // Who serves the old one goes on until it ends.
    if (before?.handed === true) before.close();
    this.#sockets.set(place, socket);
    return socket;
  }

  #forget(): void {
    for (const socket of this.#sockets.values()) socket.close();
    this.#sockets.clear();
  }

  #answer(child: Child, answer: () => Promise<void>): void {
    this.#answers = this.#answers.then(async () => {
      // It has been told to end.
      if (this.#closing) return;
      await answer().catch((error) => child.refuse(error));
      if (this.#closing) this.#forget();
    });
  }

  // called by children

  childOnReserve(child: Child, address: SocketAddressRequest): void {
    this.#answer(child, async () => {
      if (!this.#sockets.has(0)) await this.#socketFor(0, address);
      child.reserved();
    });
  }

  childOnBind(child: Child, place: number, address: SocketAddressRequest): void {
    this.#answer(child, async () => child.hand(await this.#socketFor(place, address)));
  }

  childOnReady(child: Child): void {
    const before = this.#current;
    this.#next = null;
    this.#current = child;
    before?.close(this.#options.shutdownTimeout + GRACE_MS);
    if (this.#diedAt === 0) return;
    this.#options.log(`The server serves again after ${Math.round(performance.now() - this.#diedAt)} ms`);
    this.#diedAt = 0;
  }

  childOnReplace(child: Child, why: string): void {
    if (child !== this.#current || this.#next !== null || this.#closing) return;
    this.#options.log(`The server process is replaced: ${why}`);
    this.#next = this.#spawn();
  }

  childOnSignals(names: readonly NodeJS.Signals[]): void {
    this.#options.onSignals(names);
  }

  childOnExit(child: Child): void {
    this.#children.delete(child);
    const first = this.#current === null && this.#diedAt === 0;
    if (child === this.#next) this.#next = null;
    if (child === this.#current) this.#current = null;
    if (this.#closing || (first && child.readyAt === 0)) {
      // Any other has said itself why.
      if (child.error !== null)
        this.#options.log(`The server process cannot be started: ${child.error.message}`);
      if (this.#children.size === 0) this.#resolve(child.code);
      return;
    }
    if (child.leaving) return;
    this.#onDeath(child);
  }

  /** It was not told to end. */
  #onDeath(child: Child): void {
    this.#options.log(deathOf(child));
    // One that was to take another's place has left that serving.
    if (this.#current !== null) return;
    this.#diedAt ||= performance.now();
    const lived = child.readyAt === 0 ? 0 : performance.now() - child.readyAt;
    this.#backoff =
      lived > SHORT_LIFE_MS ? 0 : Math.min(BACKOFF_MS.most, this.#backoff * 2 || BACKOFF_MS.first);
    if (this.#next !== null) return;
    setTimeout(() => {
      if (this.#closing || this.#next !== null) return;
      this.#next = this.#spawn();
    }, this.#backoff);
  }
}

function deathOf(child: Child): string {
  if (child.error !== null)
    return `The server process cannot be started, which is tried again: ${child.error.message}`;
  const why = child.why === '' ? '' : `: ${child.why}`;
  return `The server process ${child.pid} ${child.death} and is started again${why}; ${lossOf(child)}`;
}

function lossOf({ lost }: Child): string {
  if (lost === undefined) return 'what was lost is not known, because a temporary file cannot be made';
  if (lost.length === 0) return 'no request was lost';
  const shown = lost.slice(0, LOST_SHOWN).map((request) => `\n    ${request}`);
  const more = lost.length > LOST_SHOWN ? `\n    and ${lost.length - LOST_SHOWN} more` : '';
  const count = lost.length === 1 ? '1 request was lost' : `${lost.length} requests were lost`;
  return `${count}:${shown.join('')}${more}`;
}
