/**
 * Which worker owns a port that can be bound once.
 *
 * Law: decides, and binds nothing; what a worker does with the answer is `worker/thread/other-ports.ts`. This thread alone writes
 * it, so claims are in the order in which they arrive. A port passes on when its owner releases it, which it does after it
 * has closed the socket, or when the owner's thread has ended: nothing of that thread holds the socket then.
 */
export interface PortWorker {
  /** The port is this worker's: it may bind. */
  grantPort(key: string): void;
  /** Another worker listens there. */
  sharePort(key: string): void;
  /** The file of its socket is gone: it shall bind anew. */
  renewPort(key: string): void;
}

interface Port {
  owner: PortWorker | null;
  /** The owner listens. */
  bound: boolean;
  readonly waiting: PortWorker[];
}

export class PortOwners {
  readonly #ports: Map<string, Port> = new Map();

  claim(worker: PortWorker, key: string): void {
    const port = this.#ports.get(key) ?? { owner: null, bound: false, waiting: [] };
    this.#ports.set(key, port);
    if (port.owner === null) return this.#grant(port, key, worker);
    port.waiting.push(worker);
    if (port.bound) worker.sharePort(key);
  }

  bound(worker: PortWorker, key: string): void {
    const port = this.#ports.get(key);
    if (port?.owner !== worker) return;
    port.bound = true;
    for (const waiting of port.waiting) waiting.sharePort(key);
  }

  /** A worker found no file of this socket. The owner answers by `bound`, unless it binds at the moment and does so anyway. */
  lost(_: PortWorker, key: string): void {
    const port = this.#ports.get(key);
    if (port?.bound !== true) return;
    port.bound = false;
    port.owner?.renewPort(key);
  }

  release(worker: PortWorker, key: string): void {
    const port = this.#ports.get(key);
    if (port === undefined) return;
    if (port.owner === worker) return this.#passOn(port, key);
    const at = port.waiting.indexOf(worker);
    if (at !== -1) port.waiting.splice(at, 1);
  }

  /** Its thread has ended. */
  gone(worker: PortWorker): void {
    for (const [key, port] of this.#ports) {
      while (port.waiting.includes(worker)) port.waiting.splice(port.waiting.indexOf(worker), 1);
      if (port.owner === worker) this.#passOn(port, key);
    }
  }

  #grant(port: Port, key: string, worker: PortWorker): void {
    port.owner = worker;
    port.bound = false;
    worker.grantPort(key);
  }

  #passOn(port: Port, key: string): void {
    const next = port.waiting.shift();
    if (next === undefined) this.#ports.delete(key);
    else this.#grant(port, key, next);
  }
}
