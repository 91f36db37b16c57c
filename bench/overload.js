/**
 * Which share of its goodput does a server keep if clients send ten times as many requests as it can answer?
 *
 * The load is an open loop: each request is sent at its time, even if earlier ones have no response yet.
 */
import net from 'node:net';

const REQUEST = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';
const TICK_MS = 5;

class Client {
  #url;
  #idle = [];
  #all = new Set();
  /** Status → milliseconds of each response. */
  times = { 200: [], 503: [] };
  failed = 0;

  constructor(url) {
    this.#url = new URL(url);
  }

  send() {
    const connection = this.#idle.pop() ?? this.#connect();
    connection.sentAt = performance.now();
    connection.socket.write(REQUEST);
  }

  /**
   * Ends connections by a reset. After an ordinary end the server would still run the waiting requests and slow the
   * next benchmark.
   */
  end() {
    for (const { socket } of this.#all) socket.resetAndDestroy();
  }

  #connect() {
    const socket = net.connect({ port: Number(this.#url.port), host: this.#url.hostname, noDelay: true });
    const connection = { socket, sentAt: 0 };
    this.#all.add(connection);
    socket.setEncoding('latin1').on('data', (text) => this.#onAnswer(connection, text));
    socket.on('error', () => (this.failed += 1));
    return connection;
  }

  /** Each response here arrives in one packet. */
  #onAnswer(connection, text) {
    this.times[text.slice(9, 12)]?.push(performance.now() - connection.sentAt);
    if (text.includes('connection: close')) this.#all.delete(connection);
    else this.#idle.push(connection);
  }
}

/** Sends `rate` requests a second for `seconds`. Returns the responses that arrived after the first second. */
export async function openLoop(url, rate, seconds) {
  const client = new Client(url);
  const start = performance.now();
  let sent = 0;
  let counted = { answered: 0, refused: 0, at: start };
  const count = () => ({
    answered: client.times[200].length,
    refused: client.times[503].length,
    at: performance.now(),
  });
  while (performance.now() - start < seconds * 1000) {
    const due = ((performance.now() - start) * rate) / 1000;
    for (; sent < due; sent++) client.send();
    if (counted.at === start && performance.now() - start > 1000) counted = count();
    await new Promise((resolve) => setTimeout(resolve, TICK_MS));
  }
  const end = count();
  client.end();
  const elapsed = (end.at - counted.at) / 1000;
  return {
    goodput: (end.answered - counted.answered) / elapsed,
    refused: client.times[503].slice(counted.refused).sort((a, b) => a - b),
    failed: client.failed,
  };
}
