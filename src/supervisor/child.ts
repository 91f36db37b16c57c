/**
 * One process that serves, as its supervisor sees it.
 *
 * Law: spawns it, speaks with it, and says how it ended; what follows is the supervisor's (`supervisor.ts`).
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { type ChildProcess, type SendHandle, spawn } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import path from 'node:path';
import { prepareJournal, readJournal } from '../journal.ts';
import type { ListeningSocket } from './listening-socket.ts';
import {
  type SocketAddressRequest,
  type FromSupervisor,
  SUPERVISED,
  type ToSupervisor,
} from './parent-messages.ts';

export interface ChildOwner {
  /** Answered by `reserved` or `refuse`. */
  childOnReserve(child: Child, address: SocketAddressRequest): void;
  /** Answered by `hand` or `refuse`. */
  childOnBind(child: Child, place: number, address: SocketAddressRequest): void;
  childOnReady(child: Child): void;
  childOnReplace(child: Child, why: string): void;
  childOnSignals(names: readonly NodeJS.Signals[]): void;
  childOnExit(child: Child): void;
}

/** The child in whose channel an error was thrown. Node parses what comes, and throws when it cannot. */
const context = new AsyncLocalStorage<Child>();
/** Children that have not ended. */
const living: Set<Child> = new Set();

/** How long after its channel a child may end, ms. */
const DISCONNECT_MS = 1000;

/**
 * Called with an error that was not caught. True: it is of a child's channel, which something in the child has written to,
 * and the child is killed.
 */
export function endBroken(error: unknown): boolean {
  const { message = String(error), stack = '' } = (error ?? {}) as Partial<Error>;
  const child = context.getStore();
  // A Node that has lost the context: it is one of them.
  const isOfChannel = stack.includes('node:internal/child_process');
  const broken =
    child === undefined && isOfChannel ? [...living] : [...living].filter((one) => one === child);
  for (const one of broken) one.end(brokenChannel(message));
  return broken.length > 0;
}

function brokenChannel(why: string): string {
  return `its channel to the supervisor (descriptor 4) is broken: ${why}`;
}

export class Child {
  readonly startedAt: number = performance.now();
  /** When it was ready, ms; 0: it is not. */
  readyAt = 0;
  /** When its event loop was last seen to turn, ms; 0: it has never said so. */
  beatAt = 0;
  /** The port on which its inspector listens, or would; 0: it is not known. */
  inspector = 0;
  /** It was told to close or to end. */
  leaving = false;
  /** What a shell would call its end; the code it meant when it had to kill itself. */
  code = 0;
  /** How it ended, for the log. */
  death = '';
  /** Why it was killed; ''. */
  why = '';
  /** Requests that were in flight when it ended; undefined where nobody can tell. */
  lost: readonly string[] | undefined;
  /** Why it could not even be started. */
  error: Error | null = null;
  readonly #owner: ChildOwner;
  /** Null when it could not be started. */
  readonly #process: ChildProcess | null;
  /** Descriptor of a file that the child writes at places, and this side reads from its start; null: there is no room for one. */
  readonly #journal: number | null;
  #meant: number | undefined;
  #timer: NodeJS.Timeout | undefined;

  /** @param command program and arguments */
  constructor(command: readonly [string, ...string[]], owner: ChildOwner) {
    this.#owner = owner;
    this.#journal = openJournal();
    living.add(this);
    this.#process = this.#spawn(command);
    this.#process?.on('message', (message: ToSupervisor) => this.#onMessage(message));
    // A message to one that is ending may not arrive; its exit says the rest.
    this.#process?.on('error', (error) => this.#process?.pid === undefined && this.#onFailed(error));
    this.#process?.once('disconnect', () => this.#onDisconnect());
    this.#process?.once('exit', (code, signal) => this.#onExit(code, signal));
  }

  #spawn([program, ...args]: readonly [string, ...string[]]): ChildProcess | null {
    try {
      // What its channel throws later is thrown in this context.
      return context.run(this, () =>
        spawn(program, args, {
          stdio: ['inherit', 'inherit', 'inherit', this.#journal ?? 'ignore', 'ipc'],
          env: { ...process.env, [SUPERVISED]: '1' },
        }),
      );
    } catch (error) {
      process.nextTick(() => this.#onFailed(error as Error));
      return null;
    }
  }

  get pid(): number {
    return this.#process?.pid ?? 0;
  }

  /** Closes gracefully; killed when that takes longer than `grace`, ms. */
  close(grace: number): void {
    this.leaving = true;
    this.#say({ type: 'close' });
    this.#killAfter(grace);
  }

  /** Ends now, with this code if it can. */
  terminate(code: number, grace: number): void {
    this.leaving = true;
    this.#meant = code;
    this.#say({ type: 'end', code });
    this.#killAfter(grace);
  }

  reload(): void {
    this.#say({ type: 'reload' });
  }

  signal(name: NodeJS.Signals): void {
    this.#say({ type: 'signal', name });
  }

  kill(): void {
    this.leaving = true;
    this.#process?.kill('SIGKILL');
  }

  /** It cannot be told to end: kills it, to be replaced like one that has died. */
  end(why: string): void {
    this.why ||= why;
    this.#process?.kill('SIGKILL');
  }

  #killAfter(milliseconds: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#process?.kill('SIGKILL'), milliseconds);
  }

  reserved(): void {
    this.#say({ type: 'bound' });
  }

  hand(socket: ListeningSocket): void {
    socket.handed = true;
    this.#say({ type: 'bound' }, socket.handle);
  }

  /** @param error the operating system's */
  refuse({ code, message }: NodeJS.ErrnoException): void {
    this.#say({ type: 'refused', code, message });
  }

  #say(message: FromSupervisor, handle?: SendHandle): void {
    if (this.#process?.connected === true) this.#process.send(message, handle);
  }

  /** Anything may come: an application can write to each descriptor of its process. */
  #onMessage(message: ToSupervisor): void {
    switch (message?.type) {
      case 'reserve':
        return this.#owner.childOnReserve(this, message);
      case 'bind':
        return this.#owner.childOnBind(this, message.place, message);
      case 'ready':
        this.readyAt = performance.now();
        return this.#owner.childOnReady(this);
      case 'replace':
        return this.#owner.childOnReplace(this, message.why);
      case 'beat':
        this.beatAt = performance.now();
        this.inspector = message.inspector;
        return;
      case 'signals':
        return this.#owner.childOnSignals(message.names);
      case 'broken':
        return this.end(message.why);
      case 'exit':
        this.#meant = message.code;
        return;
      default:
        return this.end(brokenChannel('it brought what is no message'));
    }
  }

  /** Nobody can tell it anything any more. It is most often about to end, and is given the time for that. */
  #onDisconnect(): void {
    setTimeout(() => this.end(brokenChannel('it was closed')), DISCONNECT_MS).unref();
  }

  #onExit(code: number | null, signal: NodeJS.Signals | null): void {
    this.code = this.#meant ?? code ?? 128 + constants.signals[signal!];
    this.death = signal === null ? `exited with code ${code}` : `died by ${signal}`;
    this.#end();
  }

  #onFailed(error: Error): void {
    this.error = error;
    this.code = 1;
    this.#end();
  }

  #end(): void {
    clearTimeout(this.#timer);
    living.delete(this);
    if (this.#journal !== null) {
      this.lost = readJournal(this.#journal);
      closeSync(this.#journal);
    }
    this.#owner.childOnExit(this);
  }
}

/**
 * A file without a name: nothing of it is left, however its processes end. Null where none can be made, on a file system
 * that is read only for one.
 */
function openJournal(): number | null {
  try {
    const folder = mkdtempSync(path.join(tmpdir(), 'tsgi-threads-'));
    const descriptor = openSync(path.join(folder, 'journal'), 'w+');
    rmSync(folder, { recursive: true });
    prepareJournal(descriptor);
    return descriptor;
  } catch {
    return null;
  }
}
