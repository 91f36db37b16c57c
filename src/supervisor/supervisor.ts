/**
 * A parent process that watches the serving process, and starts a new one when it dies.
 *
 * Law: binds and keeps the listening sockets, never accepts, loads no application. `cli/supervise.ts` calls its methods when
 * signals arrive. It reports to a log.
 *
 * At most one child serves and is not leaving (`current`). One more child may be starting to replace it (`next`). If a child
 * dies without a request to end, the supervisor replaces it: immediately, or after a back-off if it did not live long.
 *
 * Only the child knows the address, perhaps not before its application has loaded. So it requests the socket from the
 * supervisor. If the socket of that address already exists, the child receives it, and clients do not notice the new process.
 */
import { WorkingDirectory } from '../working-directory.ts';
import { Child, type ChildOwner } from './child.ts';
import { type HeartbeatLimits, Heartbeats } from './heartbeats.ts';
import { ListeningSocket } from './listening-socket.ts';
import type { SocketAddressRequest } from './parent-messages.ts';

/** A process that dies within this time after it became ready counts as part of a crash loop, ms. */
const SHORT_LIFE_MS = 1000;
const BACKOFF_MS = { first: 100, most: 5000 };
/** Time that a child may take beyond its shutdown timeout, ms. */
const GRACE_MS = 2000;
const LOST_SHOWN = 20;

export interface SupervisorOptions extends HeartbeatLimits {
  /** Program and arguments of the serving process. */
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
  /** Sockets by the number of their listening place. */
  readonly #sockets: Map<number, ListeningSocket> = new Map();
  /** The last answer to a child. Answers are sent one after the other. */
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
   * Resolves with the exit code when no child is left. It is the code of the child that the supervisor closed, or of the
   * first child if it did not start.
   */
  run(): Promise<number> {
    this.#heartbeats.start();
    return new Promise((resolve) => {
      this.#resolve = resolve;
      this.#next = this.#spawn();
    });
  }

  /** Whether the supervisor is closing. */
  get closing(): boolean {
    return this.#closing;
  }

  /** Closes gracefully. A second call ends the children immediately, with `code` as exit code. */
  close(code: number): void {
    const again = this.#closing;
    this.#closing = true;
    // Without sockets, no client waits in the kernel's queue for a process that never comes.
    if (!again) this.#forget();
    for (const child of this.#children) {
      if (again) child.terminate(code, GRACE_MS);
      else child.close(this.#options.shutdownTimeout + GRACE_MS);
    }
    if (this.#children.size === 0) this.#resolve(0);
  }

  /** Reloads both children: the next one may have loaded the old code. */
  reload(): void {
    this.#current?.reload();
    this.#next?.reload();
  }

  /** Passes on a signal that the server itself does not use. */
  signal(name: NodeJS.Signals): void {
    this.#current?.signal(name);
    this.#next?.signal(name);
  }

  /** Kills all children without a message. */
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

  /** The socket of the place. Binds a new one if the address has changed. */
  async #socketFor(place: number, address: SocketAddressRequest): Promise<ListeningSocket> {
    const before = this.#sockets.get(place);
    if (before?.isFor(address) === true) return before;
    // A reservation is closed first. So is a socket of the same port, because that port cannot be bound twice.
    if (before !== undefined && (!before.handed || before.port === address.port)) {
      before.close();
      this.#sockets.delete(place);
    }
    const socket = await ListeningSocket.bind(address);
    // The child that serves on the old socket continues until it ends.
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
      // The child is already closing.
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
      // Any other child has already reported its reason itself.
      if (child.error !== null)
        this.#options.log(`The server process cannot be started: ${child.error.message}`);
      if (this.#children.size === 0) this.#resolve(child.code);
      return;
    }
    if (child.leaving) return;
    this.#onDeath(child);
  }

  /** The child ended without a request to end. */
  #onDeath(child: Child): void {
    this.#options.log(deathOf(child));
    // If the child was to replace another, that other child still serves.
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
    return `The server process cannot be started, and the supervisor tries again: ${child.error.message}`;
  const why = child.why === '' ? '' : `: ${child.why}`;
  return `The server process ${child.pid} ${child.death} and is started again${why}; ${lossOf(child)}`;
}

function lossOf({ lost }: Child): string {
  if (lost === undefined) return 'the lost requests are unknown, because no temporary file could be created';
  if (lost.length === 0) return 'no request was lost';
  const shown = lost.slice(0, LOST_SHOWN).map((request) => `\n    ${request}`);
  const more = lost.length > LOST_SHOWN ? `\n    and ${lost.length - LOST_SHOWN} more` : '';
  const count = lost.length === 1 ? '1 request was lost' : `${lost.length} requests were lost`;
  return `${count}:${shown.join('')}${more}`;
}
