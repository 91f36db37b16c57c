/**
 * The end of a supervised process: what its parent tells it, and what it tells its parent.
 *
 * Law: speaks, decides nothing. A parent that has died is as good as one that says "close".
 */
import { inspectorPort } from '../debugger.ts';
import { type Address, beatEvery, type FromSupervisor, SUPERVISED, type ToSupervisor } from './messages.ts';

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

export class ParentLink {
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
    const beat = () => void this.say({ type: 'beat', inspector: inspectorPort() || process.debugPort });
    beat();
    setInterval(beat, beatEvery(limit)).unref();
  }

  /** Rejects with the error of the operating system when the address cannot be had. */
  async reserve(address: Address): Promise<void> {
    await this.#asked({ type: 'reserve', ...address });
  }

  /** A handle to listen on: the parent has it too, and keeps it. Rejects like `reserve`. */
  async bind(place: number, address: Address): Promise<object> {
    return (await this.#asked({ type: 'bind', place, ...address }))!;
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
