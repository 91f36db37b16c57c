/**
 * The supervised process's end of the channel to its supervisor.
 *
 * Law: sends and receives messages, decides nothing. The death of the parent has the same effect as its message "close".
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
  /** The parent has died. */
  parentOnGone(): void;
}

interface Ask {
  resolve(socket: object | undefined): void;
  reject(error: Error): void;
}

/** Node's handle of a socket. */
interface Handle {
  /** -1 after the server has closed it. */
  readonly fd: number;
}

/** The inode of a descriptor. 0 if the descriptor does not exist. */
function inodeOf(fd: number): number {
  try {
    return fstatSync(fd).ino;
  } catch {
    return 0;
  }
}

export class ParentLink {
  readonly #sockets: { readonly handle: Handle; readonly fd: number; readonly inode: number }[] = [];
  /** The request that waits for an answer. Only one waits at a time. A parent that is closing does not answer. */
  #ask: Ask | null = null;

  /** The link of this process. Null if the process has no supervisor. */
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

  /**
   * Sends beats from now on, which show that this event loop turns. Does nothing if `limit` is 0, because then no limit
   * applies.
   */
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

  /** Reserves an address at the parent. Rejects with the error of the operating system if the address cannot be bound. */
  async reserve(address: SocketAddressRequest): Promise<void> {
    await this.#asked({ type: 'reserve', ...address });
  }

  /** Returns a handle to listen on. The parent keeps its own copy. Rejects like `reserve`. */
  async bind(place: number, address: SocketAddressRequest): Promise<object> {
    const handle = (await this.#asked({ type: 'bind', place, ...address }))! as Handle;
    this.#sockets.push({ handle, fd: handle.fd, inode: inodeOf(handle.fd) });
    return handle;
  }

  /**
   * Why no client can connect any more: other code in this process has closed a descriptor of the server. Otherwise
   * undefined.
   */
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

  /** Sends a message. Resolves when the parent has received it, or when the parent is gone. */
  say(message: ToSupervisor): Promise<void> {
    return new Promise((resolve) => {
      if (!process.connected) return resolve();
      process.send?.(message, undefined, undefined, () => resolve());
    });
  }
}
