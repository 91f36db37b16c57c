/**
 * Ordinary users. 20 of them keep a connection each and send two requests a second. Ten a second connect, send one
 * request and leave.
 *
 * All are patient: a user without a response waits for it and sends nothing else.
 */
import http from 'node:http';
import { clearInterval, setInterval } from 'node:timers';

const KEPT = { clients: 20, every: 500 };
const FRESH_EVERY = 100;
/** A request that waits longer than this is shown as hanging, ms. */
const HANGS = 1000;

/** One GET. The result is `{ status, text, milliseconds }`, or `{ error }`. `port` identifies the connection. */
export function ask(url, agent) {
  const sent = performance.now();
  let request;
  const answer = new Promise((resolve) => {
    const fail = (error) => resolve({ error });
    request = http.get(url, { agent }, (response) => {
      let text = '';
      const port = response.socket.localPort;
      response.setEncoding('utf8').on('data', (more) => (text += more));
      response.on('end', () =>
        resolve({ status: response.statusCode, text, port, milliseconds: performance.now() - sent }),
      );
      response.on('error', fail);
    });
    request.on('error', fail);
  });
  return { sent, answer, giveUp: () => request.destroy() };
}

export class Load {
  sent = 0;
  answered = 0;
  failed = 0;
  /** The longest time until a response, ms. */
  longest = 0;
  #url;
  #waiting = new Set();
  #timers = [];
  #stopped = false;
  #agents = [];
  #lastSecond = { answered: 0, failed: 0, longest: 0 };

  constructor(url) {
    this.#url = url;
    this.#timers.push(setInterval(() => void this.#ask(false), FRESH_EVERY));
    for (let i = 0; i < KEPT.clients; i++) {
      const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
      this.#agents.push(agent);
      // Spreads the requests over the period, so that they arrive one by one.
      setTimeout(() => this.#keepAsking(agent), (i * KEPT.every) / KEPT.clients);
    }
  }

  get waiting() {
    return this.#waiting.size;
  }

  /** The counts since the last call, and the number of users that wait now. */
  second() {
    const now = performance.now();
    const ages = [...this.#waiting].map(({ sent }) => now - sent);
    const { answered, failed, longest } = this.#lastSecond;
    this.#lastSecond = { answered: 0, failed: 0, longest: 0 };
    return {
      answered,
      failed,
      hang: ages.filter((age) => age > HANGS).length,
      longest: Math.max(longest, ...ages),
    };
  }

  /** Sends no new requests. Users that wait continue to wait. */
  stop() {
    this.#stopped = true;
    this.#timers.forEach((timer) => clearInterval(timer));
  }

  /** Ends all connections. */
  end() {
    for (const request of this.#waiting) request.giveUp();
    this.#waiting.clear();
    for (const agent of this.#agents) agent.destroy();
  }

  #keepAsking(agent) {
    if (this.#stopped) return;
    let busy = false;
    const turn = async () => {
      if (busy) return;
      busy = true;
      await this.#ask(agent);
      busy = false;
    };
    this.#timers.push(setInterval(() => void turn(), KEPT.every));
    void turn();
  }

  async #ask(agent) {
    const request = ask(this.#url, agent);
    this.sent += 1;
    this.#waiting.add(request);
    const answer = await request.answer;
    // `end` has removed the request: it hung.
    if (!this.#waiting.delete(request)) return;
    this.#count(answer);
  }

  #count({ status, milliseconds = 0 }) {
    const kind = status === 200 ? 'answered' : 'failed';
    this[kind] += 1;
    this.#lastSecond[kind] += 1;
    this.longest = Math.max(this.longest, milliseconds);
    this.#lastSecond.longest = Math.max(this.#lastSecond.longest, milliseconds);
  }
}
