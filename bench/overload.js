/**
 * What is left of a server when ten times as many requests come as it can answer?
 *
 * An open loop: requests are sent at their time whether earlier ones were answered or not, as strangers do.
 */
import net from 'node:net';

const REQUEST = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';
const TICK_MS = 5;

class Client {
  #url;
  #idle = [];
  #all = new Set();
  /** Status → milliseconds of each answer. */
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

  /** By resets: after a mere end the server would still run what waits, at the cost of whoever comes next. */
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

  /** Answers here are one packet each. */
  #onAnswer(connection, text) {
    this.times[text.slice(9, 12)]?.push(performance.now() - connection.sentAt);
    if (text.includes('connection: close')) this.#all.delete(connection);
    else this.#idle.push(connection);
  }
}

/** Sends `rate` requests a second for so many seconds; what came back after the first of them. */
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
