/**
 * The end of a supervised process: what its parent tells it, and what it tells its parent.
 *
 * Law: speaks, decides nothing. A parent that has died is as good as one that says "close".
 */
import { fstatSync } from 'node:fs';
import { inspectorPort } from '../debugger.ts';
import {
  type SocketAddressRequest,
  beatEvery,
  type FromSupervisor,
  SUPERVISED,
  type ToSupervisor,
} from './parent-messages.ts';

export interface ParentLinkOwner {
  parentOnClose(): void;
  parentOnEnd(code: number): void;
  parentOnReload(): void;
  parentOnSignal(name: NodeJS.Signals): void;
  /** It has died. */
  parentOnGone(): void;
}

interface Ask {
  resolve(socket: object | undefined): void;
  reject(error: Error): void;
}

/** Node's handle of a socket. */
interface Handle {
  /** -1: the server has closed it. */
  readonly fd: number;
}

/** 0: there is no such descriptor. */
function inodeOf(fd: number): number {
  try {
    return fstatSync(fd).ino;
  } catch {
    return 0;
  }
}

export class ParentLink {
  readonly #sockets: { readonly handle: Handle; readonly fd: number; readonly inode: number }[] = [];
  /** One at a time waits for its answer; none is answered by a parent that closes. */
  #ask: Ask | null = null;

  /** The link of this process, null when nobody supervises it. */
  static open(): ParentLink | null {
    if (process.env[SUPERVISED] === undefined || process.send === undefined) return null;
    Reflect.deleteProperty(process.env, SUPERVISED);
    return new ParentLink();
  }

  listen(owner: ParentLinkOwner): void {
    process.on('message', (message: FromSupervisor, socket: object | undefined) => {
      switch (message.type) {
        case 'close':
          return owner.parentOnClose();
        case 'end':
          return owner.parentOnEnd(message.code);
        case 'signal':
          return owner.parentOnSignal(message.name);
        case 'reload':
          return owner.parentOnReload();
        case 'bound':
          return this.#ask?.resolve(socket);
        case 'refused':
          return this.#ask?.reject(Object.assign(new Error(message.message), { code: message.code }));
      }
    });
    process.once('disconnect', () => owner.parentOnGone());
    if (!process.connected) owner.parentOnGone();
  }

  /** Shows the parent that this event loop turns, from now on. A process that may stand still for ever (`limit` 0) does not. */
  beat(limit: number): void {
    if (limit === 0) return;
    const beat = () => {
      const why = this.#lostSocket();
      if (why !== undefined) return void this.say({ type: 'broken', why });
      void this.say({ type: 'beat', inspector: inspectorPort() || process.debugPort });
    };
    beat();
    setInterval(beat, beatEvery(limit)).unref();
  }

  /** Rejects with the error of the operating system when the address cannot be had. */
  async reserve(address: SocketAddressRequest): Promise<void> {
    await this.#asked({ type: 'reserve', ...address });
  }

  /** A handle to listen on: the parent has it too, and keeps it. Rejects like `reserve`. */
  async bind(place: number, address: SocketAddressRequest): Promise<object> {
    const handle = (await this.#asked({ type: 'bind', place, ...address }))! as Handle;
    this.#sockets.push({ handle, fd: handle.fd, inode: inodeOf(handle.fd) });
    return handle;
  }

  /** Why nobody can connect any more: something in this process has closed a descriptor that is not its own; undefined. */
  #lostSocket(): string | undefined {
    const lost = this.#sockets.find(({ handle, fd, inode }) => handle.fd === fd && inodeOf(fd) !== inode);
    return lost && `its listening socket (descriptor ${lost.fd}) was closed, and not by the server`;
  }

  #asked(message: ToSupervisor): Promise<object | undefined> {
    return new Promise((resolve, reject) => {
      this.#ask = { resolve, reject };
      void this.say(message);
    });
  }

  /** Resolves when the parent has it, or is gone. */
  say(message: ToSupervisor): Promise<void> {
    return new Promise((resolve) => {
      if (!process.connected) return resolve();
      process.send?.(message, undefined, undefined, () => resolve());
    });
  }
}
