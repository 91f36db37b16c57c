/**
 * The worst inputs of a server: what one client can send, and how its application can answer, at the highest cost per
 * byte.
 *
 * Law: a path is a name, the server that it needs, and a client. A cost is the CPU time of the whole server,
 * application included, from the first byte to the end of the connection.
 */
import { once } from 'node:events';
import net from 'node:net';
import { fileURLToPath } from 'node:url';
import { LONGEST_MS } from './measure.js';
import { Subject } from './subject.js';

const NODE = fileURLToPath(new URL('app.js', import.meta.url));
const TSGI = fileURLToPath(new URL('app-tsgi.js', import.meta.url));

const LIMITS = { maxRequestLine: '256KiB', maxHeaderSize: '256KiB', maxHeaders: 2000, pendingTimeout: '30s' };
/** With 0 threads the server wakes no thread, so only its code is measured. */
const ALONE = { ...LIMITS, threads: 0 };
const SERVERS = {
  node: { app: NODE, options: { ...ALONE, interface: 'node' } },
  affinity: { app: NODE, options: { ...ALONE, interface: 'node', affinity: 'header:session-id' } },
  cookies: { app: NODE, options: { ...ALONE, interface: 'node', affinity: 'cookie:sid' } },
  tsgi: { app: TSGI, options: { ...ALONE, interface: 'tsgi' } },
  // Only a server with several workers looks for clients of Engine.IO.
  several: { app: NODE, options: { ...LIMITS, threads: 2, interface: 'node' } },
};

const HOST = 'Host: h\r\n';
const LAST = `${HOST}Connection: close\r\n\r\n`;

const get = (target, fields = '') => `GET ${target} HTTP/1.1\r\n${fields}${LAST}`;
const post = (target, body) => `POST ${target} HTTP/1.1\r\nContent-Length: ${body.length}\r\n${LAST}${body}`;
const chunked = (target, count) =>
  `POST ${target} HTTP/1.1\r\nTransfer-Encoding: chunked\r\n${LAST}${'1\r\nx\r\n'.repeat(count)}0\r\n\r\n`;
const fill = (unit, size) => unit.repeat(Math.ceil(size / unit.length)).slice(0, size);
const times = (size) => [size, 2 * size, 4 * size];
const upgrade = (target) => `GET ${target} HTTP/1.1\r\n${HOST}Connection: upgrade\r\nUpgrade: bytes\r\n\r\n`;

export const SERVED = [
  {
    name: 'affinity: an answer whose body has a field of blanks',
    server: 'affinity',
    sizes: times(4000),
    text: (size) => post('/echo', `\nsession-id:${fill(' ', size)}\n`),
  },
  {
    name: 'affinity: an answer whose body is all fields',
    server: 'cookies',
    sizes: times(16_000),
    text: (size) => post('/echo', fill('\r\nset-cookie: sid=a', size)),
  },
  {
    name: 'affinity: a Cookie field of separators',
    server: 'cookies',
    sizes: times(16_000),
    text: (size) => get('/', `Cookie: ${fill('; ', size)}\r\n`),
  },
  {
    name: 'Node interface: a URL of EIO=4&…',
    server: 'several',
    sizes: times(16_000),
    isWhole: true,
    text: (size) => get(`/?${fill('EIO=4&', size)}`),
  },
  {
    name: 'pipelining: GET behind GET',
    server: 'node',
    sizes: [4000, 16_000, 64_000],
    // Buffers are bounded, so the copies of a quadratic path are bounded too and show less beside other work.
    room: 1.6,
    isWhole: true,
    text: (size) => `GET / HTTP/1.1\r\n${HOST}\r\n`.repeat(size / 27) + get('/'),
  },
  {
    name: 'upload: one-byte chunks, read as they come',
    server: 'node',
    sizes: times(400_000),
    text: (size) => chunked('/read', size / 6),
  },
  {
    name: 'upload: one-byte chunks, read by lines',
    server: 'tsgi',
    sizes: times(200_000),
    text: (size) => chunked('/', size / 6),
  },
  {
    name: 'upload: one-byte chunks below bodyBuffer',
    server: 'node',
    sizes: times(90_000),
    text: (size) => chunked('/read', size / 6),
  },
  {
    name: 'answer: one-byte writes in one turn',
    server: 'node',
    sizes: times(4000),
    text: (size) => get(`/writes?n=${size}`),
  },
  {
    name: 'answer: one-byte writes to a client that does not read',
    server: 'node',
    sizes: times(8000),
    repeats: 3,
    text: (size) => get(`/drip?n=${size}`),
    unread: true,
  },
  {
    name: 'tunnel: what a client sends',
    server: 'node',
    sizes: times(500_000),
    text: (size) => upgrade(`/?reads=${size}`) + fill('x', size),
  },
  {
    name: 'tunnel: one-byte writes of the application',
    server: 'node',
    sizes: times(8000),
    text: (size) => upgrade(`/?n=${size}`),
  },
];

/** Running servers. Each starts when it is first needed. */
export class Subjects {
  #dist;
  #running = new Map();

  constructor(dist) {
    this.#dist = dist;
  }

  /** Runs a path at a size. Returns { bytes, ms, memory }. A run that takes too long ends its server. */
  async measure({ server, text, unread = false }, size) {
    const subject = await this.#get(server);
    const bytes = Buffer.from(text(size), 'latin1');
    try {
      await subject.begin();
      await exchange(subject.port, bytes, unread);
      const { ms, memory } = await subject.end();
      return { bytes: size, ms, memory };
    } catch (error) {
      if (error.name !== 'AbortError' && error.code !== 'ABORT_ERR') throw error;
      subject.kill();
      this.#running.delete(server);
      return { bytes: size, ms: Number.POSITIVE_INFINITY, memory: Number.NaN };
    }
  }

  async #get(name) {
    const { app, options } = SERVERS[name];
    let subject = this.#running.get(name);
    if (subject === undefined) {
      subject = await Subject.start(this.#dist, app, options);
      this.#running.set(name, subject);
    }
    return subject;
  }

  kill() {
    for (const subject of this.#running.values()) subject.kill();
  }
}

/**
 * Sends the bytes and reads to the end of the connection. With `unread`, starts to read after the application has
 * written all.
 */
async function exchange(port, bytes, unread) {
  const signal = AbortSignal.timeout(2 * LONGEST_MS);
  const socket = net.connect(port, '127.0.0.1');
  let head = '';
  try {
    await once(socket, 'connect', { signal });
    socket.write(bytes);
    if (unread) await exchange(port, Buffer.from(get('/dripped'), 'latin1'), false);
    socket.on('data', (data) => (head ||= data.latin1Slice(0, 12)));
    await once(socket, 'end', { signal });
  } finally {
    socket.destroy();
  }
  if (!head.startsWith('HTTP/1.1 200') && !head.startsWith('HTTP/1.1 101'))
    throw new Error(`The server answered with ${head}`);
}
