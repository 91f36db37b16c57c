/**
 * One serving process, as its supervisor sees it.
 *
 * Law: spawns the process, exchanges messages with it, and reports how it ended. `supervisor.ts` decides what follows.
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
  /** The owner answers with `reserved` or `refuse`. */
  childOnReserve(child: Child, address: SocketAddressRequest): void;
  /** The owner answers with `hand` or `refuse`. */
  childOnBind(child: Child, place: number, address: SocketAddressRequest): void;
  childOnReady(child: Child): void;
  childOnReplace(child: Child, why: string): void;
  childOnSignals(names: readonly NodeJS.Signals[]): void;
  childOnExit(child: Child): void;
}

/** The child whose channel has thrown an error. Node parses incoming messages, and throws if it cannot. */
const context = new AsyncLocalStorage<Child>();
/** Children that have not ended. */
const living: Set<Child> = new Set();

/** A child must end within this time after its channel has closed, ms. */
const DISCONNECT_MS = 1000;

/**
 * Handles an uncaught error. Returns true if the error comes from a child's channel, because code in the child has written to
 * it. Then the child is killed.
 */
export function endBroken(error: unknown): boolean {
  const { message = String(error), stack = '' } = (error ?? {}) as Partial<Error>;
  const child = context.getStore();
  // This Node has lost the context. The error comes from one of the children.
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
  /** When the child became ready, ms. 0 until then. */
  readyAt = 0;
  /** When the child's event loop last showed that it turns, ms. 0 before its first beat. */
  beatAt = 0;
  /** The port on which the child's inspector listens or would listen. 0 if it is unknown. */
  inspector = 0;
  /** The supervisor has requested the end of the child. */
  leaving = false;
  /** The exit code as a shell reports it. If the child had to kill itself, the code that it announced. */
  code = 0;
  /** How the child ended, for the log. */
  death = '';
  /** Why the child was killed. Empty if it was not. */
  why = '';
  /** Requests that were in flight when the child ended. Undefined if they are unknown. */
  lost: readonly string[] | undefined;
  /** Why the child could not be started. */
  error: Error | null = null;
  readonly #owner: ChildOwner;
  /** Null if the process could not be started. */
  readonly #process: ChildProcess | null;
  /** The descriptor of the journal, which the child writes and this process reads. Null if no file could be created. */
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
    // A message to a child that is ending may be lost. The exit event covers that.
    this.#process?.on('error', (error) => this.#process?.pid === undefined && this.#onFailed(error));
    this.#process?.once('disconnect', () => this.#onDisconnect());
    this.#process?.once('exit', (code, signal) => this.#onExit(code, signal));
  }

  #spawn([program, ...args]: readonly [string, ...string[]]): ChildProcess | null {
    try {
      // Errors that the channel throws later carry this context.
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

  /** Closes the child gracefully. Kills it if that takes longer than `grace` ms. */
  close(grace: number): void {
    this.leaving = true;
    this.#say({ type: 'close' });
    this.#killAfter(grace);
  }

  /** Ends the child immediately, with this exit code if possible. Kills it if that takes longer than `grace` ms. */
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

  /** Kills a child that can no longer be ended by a message. The supervisor replaces it like a child that has died. */
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

  /** @param error the error of the operating system */
  refuse({ code, message }: NodeJS.ErrnoException): void {
    this.#say({ type: 'refused', code, message });
  }

  #say(message: FromSupervisor, handle?: SendHandle): void {
    if (this.#process?.connected === true) this.#process.send(message, handle);
  }

  /** The message can be anything, because an application can write to every descriptor of its process. */
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
        return this.end(brokenChannel('it carried an invalid message'));
    }
  }

  /** No message can reach the child any more. Most often it is about to end, so it has some time for that. */
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
 * Opens a file without a name, so that nothing is left of it, whatever happens to its processes. Null if the file cannot be
 * created, for example on a read-only file system.
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
