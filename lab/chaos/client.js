/**
 * Many connections in their own process. The client checks every response.
 *
 * The one argument is JSON. It has `port`, `connections`, `seed`, `kinds` ([path, weight]…), and a limit: `requests`
 * (ids from 0) or `seconds`. `leave` is the probability that a client disconnects instead of waiting. `fresh` opens a
 * new connection for each request.
 *
 * At the end the process prints the outcome of every request.
 */
import net from 'node:net';
import { randomOf } from './random.js';

const {
  port,
  connections,
  seed,
  kinds,
  requests = Infinity,
  seconds = Infinity,
  leave = 0,
  fresh = false,
} = JSON.parse(process.argv[2]);
const random = randomOf(seed);
const end = performance.now() + seconds * 1000;
const BODY = Buffer.alloc(100_000, 'x');
/** A response that takes longer than this counts as missing, ms. */
const PATIENCE_MS = 40_000;

let next = 0;
let stopped = false;
const result = { sent: 0, left: 0, refused: 0, truncated: 0, statuses: {}, ids: {}, bad: [] };

class Connection {
  #socket;
  #text = '';
  #gone = false;
  #wake = () => {};

  async open() {
    this.#socket = net.connect({ port, host: '127.0.0.1', noDelay: true });
    this.#socket.setEncoding('latin1');
    this.#socket.on('data', (text) => {
      this.#text += text;
      this.#wake();
    });
    this.#socket.on('error', () => {});
    this.#socket.on('close', () => {
      this.#gone = true;
      this.#wake();
    });
    return new Promise((resolve) => {
      this.#socket.once('connect', () => resolve(undefined));
      this.#socket.once('error', (error) => resolve(error.code));
    });
  }

  get usable() {
    return !this.#gone;
  }

  async ask(path, id) {
    const body = path === '/read' ? BODY : Buffer.alloc(0);
    this.#socket.write(`POST ${path}?${id} HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n`);
    if (body.length > 0) this.#socket.write(body);
    if (random.next() < leave) return this.#leave();
    return this.#answer();
  }

  #leave() {
    if (random.next() < 0.5) this.#socket.resetAndDestroy();
    else this.#socket.destroy();
    this.#gone = true;
    return 'left';
  }

  async #answer() {
    const limit = performance.now() + PATIENCE_MS;
    for (;;) {
      const answer = this.#parse();
      if (answer !== undefined) return answer;
      if (this.#gone) return { status: 0, head: this.#text.includes('\r\n\r\n'), body: this.#text };
      if (performance.now() > limit) return { status: -1, body: this.#text };
      await new Promise((resolve) => {
        const timer = setTimeout(resolve, PATIENCE_MS);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  #parse() {
    const head = this.#text.indexOf('\r\n\r\n');
    if (head < 0) return undefined;
    const fields = this.#text.slice(0, head).toLowerCase();
    const length = /content-length: (\d+)/.exec(fields);
    const from = head + 4;
    const to = length === null ? this.#text.indexOf('0\r\n\r\n', from) : from + Number(length[1]);
    const whole = length === null ? to + 5 : to;
    if (to < 0 || this.#text.length < whole) return undefined;
    const body = this.#text.slice(from, to);
    this.#text = this.#text.slice(whole);
    if (this.#text !== '') result.bad.push(`bytes behind an answer: ${this.#text.slice(0, 60)}`);
    const close = fields.includes('connection: close');
    return { status: Number(fields.slice(9, 12)), body, close, chunked: length === null };
  }

  end() {
    this.#gone = true;
    this.#socket.destroy();
  }
}

function judge(path, id, answer) {
  if (answer === 'left') return (result.left += 1);
  if (answer.status === 0 && path === '/stream' && answer.head) return (result.truncated += 1);
  if (answer.status <= 0) return result.bad.push(`${answer.status === 0 ? 'lost' : 'stuck'}: ${path}?${id}`);
  result.statuses[answer.status] = (result.statuses[answer.status] ?? 0) + 1;
  if (answer.status !== 200) return (result.ids[answer.status] ??= []).push(id);
  if (textOf(answer) !== `<${id}>`)
    result.bad.push(`swapped: ${path}?${id} was answered ${JSON.stringify(answer.body)}`);
}

/** The body without the framing of its chunks. */
function textOf({ body, chunked }) {
  if (!chunked) return body;
  let text = '';
  for (let at = 0; at < body.length;) {
    const line = body.indexOf('\r\n', at);
    const size = Number.parseInt(body.slice(at, line), 16);
    text += body.slice(line + 2, line + 2 + size);
    at = line + 2 + size + 2;
  }
  return text;
}

async function run() {
  let connection = null;
  while (!stopped && next < requests && performance.now() < end) {
    if (connection === null || !connection.usable) {
      connection = new Connection();
      const error = await connection.open();
      if (error !== undefined) {
        if (error === 'ECONNREFUSED') result.refused += 1;
        connection = null;
        continue;
      }
    }
    const id = next++;
    const path = random.weighted(kinds);
    result.sent += 1;
    const answer = await connection.ask(path, id);
    judge(path, id, answer);
    if (answer !== 'left' && (answer.close || fresh)) connection.end();
  }
  connection?.end();
}

process.on('message', () => (stopped = true));
const progress = setInterval(() => process.send({ sent: result.sent, bad: result.bad.length }), 1000);
await Promise.all(Array.from({ length: connections }, run));
clearInterval(progress);
process.send({ result }, () => process.exit(0));
