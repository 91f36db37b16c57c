/**
 * Benchmarks of parts: the parser, and the ring against Node's own ways to cross threads.
 */
import { Worker, MessageChannel } from 'node:worker_threads';
import { Piscina } from 'piscina';
import { Bench } from 'tinybench';
import { Parser } from '../dist/http/parser.js';
import { byteRingBuffer, RingConsumer } from '../dist/ring/byte-ring.js';

const REQUEST = Buffer.from(
  'GET /some/path/here?with=query&and=more HTTP/1.1\r\nHost: localhost:8000\r\n' +
    'User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:109.0) Gecko/20100101\r\n' +
    'Accept: text/html,application/xhtml+xml,application/xml;q=0.9\r\nAccept-Language: en-US,en;q=0.5\r\n' +
    'Accept-Encoding: gzip, deflate, br\r\nConnection: keep-alive\r\nCookie: session=abcdefghi\r\n\r\n',
);

/** How long does the parser take for a request, and does it allocate on the heap? */
export async function parser() {
  const subject = new Parser({ maxRequestLine: 8192, maxHeaderSize: 32_768, maxHeaders: 100 });
  subject.buffer.set(REQUEST);
  let sum = 0;
  const parse = () => {
    subject.start();
    subject.feed(0, REQUEST.length);
    // Keeps the number a small integer. V8 allocates an object for each larger one.
    sum = (sum + subject.headerCount + subject.headLength + subject.flags) | 0;
  };
  const bench = new Bench({ time: 1000 });
  bench.add('a thousand parses', () => {
    for (let i = 0; i < 1000; i++) parse();
  });
  await bench.run();
  const [task] = bench.tasks;
  const nanoseconds = task.result.latency.p50 * 1000;
  const before = process.memoryUsage().heapUsed;
  for (let i = 0; i < 1_000_000; i++) parse();
  const growth = Math.max(0, process.memoryUsage().heapUsed - before) / 1_000_000;
  return `parser: ${nanoseconds.toFixed(0)} ns for ${REQUEST.length} bytes with 7 fields (median), heap growth ${growth.toFixed(3)} bytes a parse (${sum !== 0 ? 'read' : ''})`;
}

/** How many records of 512 bytes can two threads exchange in a second? */
export async function ring() {
  const [records, messages, runs] = [await byRing(), await byPort(), await byPiscina()];
  const millions = (records / 1e6).toFixed(2);
  return `ring: ${millions} million 512-byte records a second, ${(records / messages).toFixed(1)}× MessagePort, ${(records / runs).toFixed(0)}× piscina.run`;
}

async function byRing(count = 2_000_000) {
  const buffer = byteRingBuffer(1024 * 1024);
  const source = `
    const { workerData } = require('node:worker_threads');
    ${turn}
    import(${JSON.stringify(new URL('../dist/ring/byte-ring.js', import.meta.url).href)}).then(({ RingProducer }) => {
      const ring = new RingProducer(workerData);
      const payload = Buffer.alloc(512, 1);
      for (let i = 0; i < ${count}; i++) {
        let at = ring.claim(512);
        while (at === -1) {
          turn();
          at = ring.claim(512);
        }
        ring.bytes.set(payload, at);
        ring.commit(512, 1, 0, i);
      }
    });`;
  const worker = new Worker(source, { eval: true, workerData: buffer });
  const ring = new RingConsumer(buffer);
  const copy = Buffer.alloc(512);
  while (!ring.next());
  const start = performance.now();
  for (let i = 0; i < count; i++) {
    // As in the server, the thread looks at an empty or full ring again a turn later, not immediately.
    while (!ring.next()) turn();
    copy.set(ring.view(ring.offset, 512));
    ring.release();
  }
  const seconds = (performance.now() - start) / 1000;
  await worker.terminate();
  return count / seconds;
}

/** Works for a few microseconds on something else. */
function turn() {
  const end = performance.now() + 0.005;
  while (performance.now() < end);
}

async function byPort(count = 100_000) {
  const { port1, port2 } = new MessageChannel();
  const source = `
    const { workerData: port } = require('node:worker_threads');
    const payload = Buffer.alloc(512, 1);
    for (let i = 0; i < ${count}; i++) port.postMessage(payload);`;
  const worker = new Worker(source, { eval: true, workerData: port2, transferList: [port2] });
  let start = 0;
  let received = 0;
  await new Promise((resolve) => {
    port1.on('message', () => {
      if (received === 0) start = performance.now();
      received += 1;
      if (received === count) resolve();
    });
  });
  const seconds = (performance.now() - start) / 1000;
  port1.close();
  await worker.terminate();
  return count / seconds;
}

async function byPiscina(count = 20_000) {
  const pool = new Piscina({
    filename: new URL('./piscina-task.js', import.meta.url).href,
    maxThreads: 1,
    minThreads: 1,
  });
  const payload = Buffer.alloc(512, 1);
  await pool.run(payload);
  const start = performance.now();
  const batch = 64;
  for (let done = 0; done < count; done += batch) {
    await Promise.all(Array.from({ length: batch }, () => pool.run(payload)));
  }
  const seconds = (performance.now() - start) / 1000;
  await pool.destroy();
  return count / seconds;
}
