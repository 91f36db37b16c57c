/**
 * Which worker owns a port that only one worker can bind.
 *
 * Law: decides, and binds nothing. `worker/thread/other-ports.ts` acts on the decision. Only this thread changes the owners,
 * so claims take effect in the order of their arrival.
 *
 * A port goes to the next worker in two cases: its owner has released it after closing the socket, or the owner's thread has
 * ended. In both cases the old owner no longer holds the socket.
 */
export interface PortWorker {
  /** The worker now owns the port and may bind it. */
  grantPort(key: string): void;
  /** Another worker listens on the port. */
  sharePort(key: string): void;
  /** The file of the worker's socket is gone. The worker must bind it again. */
  renewPort(key: string): void;
}

interface Port {
  owner: PortWorker | null;
  /** The owner listens on the port. */
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

  /**
   * A worker did not find the file of this socket. The owner answers with `bound`, unless it is binding now and answers
   * anyway.
   */
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

  /** The worker's thread has ended. */
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
