/**
 * The client processes (`client.js`) and their results.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const CLIENT = fileURLToPath(new URL('client.js', import.meta.url));
/**
 * The number of processes. Each has its own address, because the next crowd cannot reuse the ports of the last one yet.
 */
const CLIENTS = 2;
let addresses = 1;

export class Crowd {
  #children;

  constructor({ url, sockets, every }) {
    this.#children = Array.from({ length: CLIENTS }, (_, index) => {
      const share = Math.floor((sockets + index) / CLIENTS);
      const localAddress = `127.0.0.${addresses++}`;
      return fork(CLIENT, [JSON.stringify({ url, sockets: share, every, localAddress })]);
    });
  }

  /** Resolves when every socket is open. */
  async opened() {
    await Promise.all(this.#children.map((child) => once(child, 'message')));
  }

  /** Stops sending, waits for the missing echoes, and ends the processes. */
  async finished() {
    const results = await Promise.all(
      this.#children.map(async (child) => {
        child.send('stop');
        const [{ result }] = await once(child, 'message');
        return result;
      }),
    );
    const sum = (name) => results.reduce((total, result) => total + result[name], 0);
    return {
      ...Object.fromEntries(
        ['said', 'again', 'restarted', 'refused', 'lost'].map((name) => [name, sum(name)]),
      ),
      away: Math.max(...results.map(({ away }) => away)),
      times: results.flatMap(({ times }) => times).sort((a, b) => a - b),
      bad: results.flatMap(({ bad }) => bad),
    };
  }

  kill() {
    for (const child of this.#children) child.kill('SIGKILL');
  }
}
