/**
 * Starts a client process (`client.js`) and receives its result.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const CLIENT = fileURLToPath(new URL('./client.js', import.meta.url));

export class Load {
  #child;
  sent = 0;
  #finished;

  constructor(options) {
    this.#child = fork(CLIENT, [JSON.stringify(options)]);
    this.#finished = new Promise((resolve, reject) => {
      this.#child.on('message', (message) => {
        this.sent = message.sent ?? this.sent;
        if (message.result !== undefined) resolve(message.result);
      });
      this.#child.once('exit', () =>
        reject(new Error('The client process ended before it sent its result.')),
      );
    });
    this.#finished.catch(() => {});
  }

  /** Starts no more requests and waits for the outstanding responses. */
  async stop() {
    if (this.#child.connected) this.#child.send('stop');
    return this.finished();
  }

  async finished() {
    const result = await this.#finished;
    if (this.#child.exitCode === null) await once(this.#child, 'exit');
    this.sent = result.sent;
    return result;
  }
}

export const wait = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** Waits until the condition is true. Resolves with false if it is not true within `most` milliseconds. */
export async function until(holds, most = 20_000) {
  const end = performance.now() + most;
  while (!holds()) {
    if (performance.now() > end) return false;
    await wait(5);
  }
  return true;
}
