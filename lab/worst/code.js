/**
 * The worst inputs of code that can be called directly: parser, encoders, keys of `--affinity`, small parts of the
 * worker.
 *
 * Law: a path is a name and `input(size)`, which returns the work as { bytes, run }. The modules come from a build. If
 * the build lacks a module, its paths are left out.
 */
import path from 'node:path';
import { pathToFileURL } from 'node:url';

const HEAD = 'GET / HTTP/1.1\r\nHost: h\r\n';

/** Repeats `unit` to `size` characters. */
function fill(unit, size) {
  return unit.repeat(Math.ceil(size / unit.length)).slice(0, size);
}

/** @returns paths: { name, sizes, input } */
export async function codePaths(dist) {
  const load = (file) => import(pathToFileURL(path.join(dist, file)).href).catch(() => null);
  const [parser, encoder, keys, known, environ, plain] = await Promise.all([
    load('http/parser.js'),
    load('http/encoder.js'),
    load('http/affinity-key.js'),
    load('acceptor/known-keys.js'),
    load('tsgi/environ.js'),
    load('worker/node/plain-head.js'),
  ]);
  return [
    ...(parser === null ? [] : parserPaths(parser)),
    ...(encoder === null ? [] : encoderPaths(encoder)),
    ...(plain === null ? [] : plainPaths(plain)),
    ...(keys === null ? [] : keyPaths(keys)),
    ...(known === null ? [] : knownPaths(known)),
    ...(environ === null ? [] : environPaths(environ)),
  ];
}

const SMALL = [8192, 16_384, 32_768];
const PARSED = [12_000, 24_000, 48_000];

function parserPaths({ Parser, READ_BUFFER_SIZE }) {
  const subject = new Parser({ maxRequestLine: 65_536, maxHeaderSize: 65_536, maxHeaders: 20_000 });
  /**
   * Feeds the parser like a connection, in reads of `piece` bytes. Between two reads, other connections use the parser.
   */
  const parse = (bytes, piece) => {
    let saved = null;
    for (let at = 0; at < bytes.length; at += piece) {
      const read = bytes.subarray(at, at + piece);
      subject.buffer.set(read);
      if (saved === null) subject.start();
      else subject.restore(saved);
      let offset = 0;
      // A read may fill the table of body spans several times.
      for (;;) {
        const outcome = subject.feed(offset, read.length - offset);
        offset += subject.consumed;
        if (outcome === 3) throw new Error(`the parser refuses the input: ${subject.reason}`);
        if (outcome !== 2) break;
      }
      saved = subject.save(saved);
    }
  };
  const path_ = (name, text, piece = READ_BUFFER_SIZE) => ({
    name: `parser: ${name}`,
    sizes: PARSED,
    input(size) {
      const bytes = Buffer.from(text(size), 'latin1');
      return { bytes: bytes.length, run: () => parse(bytes, piece) };
    },
  });
  const chunked = 'POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n';
  return [
    path_('many small fields', (size) => `${HEAD}${'a:b\r\n'.repeat(size / 5)}\r\n`),
    path_('one long field', (size) => `${HEAD}a: ${fill('b', size)}\r\n\r\n`),
    path_('a field of blanks', (size) => `${HEAD}a:${fill(' ', size)}b\r\n\r\n`),
    path_('a long target', (size) => `GET /${fill('?&=/', size)} HTTP/1.1\r\nHost: h\r\n\r\n`),
    path_(
      'a head in reads of 64 bytes',
      (size) => `${HEAD}${`a: ${fill('b', 507)}\r\n`.repeat(size / 512)}\r\n`,
      64,
    ),
    path_('one-byte chunks', (size) => `${chunked}${'1\r\nx\r\n'.repeat(size / 6)}0\r\n\r\n`),
    path_('one-byte chunks in reads of 64 bytes', (size) => `${chunked}${'1\r\nx\r\n'.repeat(size / 6)}`, 64),
    path_(
      'a body in reads of 64 bytes',
      (size) => {
        const head = `POST / HTTP/1.1\r\nHost: h\r\nContent-Length: ${size}\r\n\r\n`;
        return head + fill('x', size);
      },
      64,
    ),
  ];
}

function encoderPaths({ encodeHead }) {
  const common = { status: 200, framing: 1, length: 5, http11: true, keepAlive: true, date: 'now' };
  const path_ = (name, headers) => ({
    name: `encoder: ${name}`,
    sizes: SMALL,
    input(size) {
      const given = headers(size);
      // Writing the bytes flattens the text.
      return { bytes: size, run: () => Buffer.from(encodeHead({ ...common, headers: given }), 'latin1') };
    },
  });
  return [
    path_('many fields', (size) => Array.from({ length: size / 8 }, () => ['a', 'b'])),
    path_('one long field', (size) => [['a', fill('b', size)]]),
  ];
}

function plainPaths({ plainHead }) {
  const context = { length: 5, http11: true, keepAlive: true, date: 'now' };
  return [
    {
      name: 'encoder of fetch answers: new names in every answer',
      sizes: SMALL,
      input(size) {
        let serial = 0;
        const run = () => {
          const headers = ['content-length', '5'];
          for (let i = 0; i < size / 16; i++) headers.push(`x-${(serial += 1)}`, 'b');
          Buffer.from(plainHead({ status: 200, headers, body: 'hello' }, context), 'latin1');
        };
        return { bytes: size, run };
      },
    },
  ];
}

function keyPaths(keys) {
  const path_ = (name, text, call) => ({
    name: `keys: ${name}`,
    sizes: SMALL,
    input(size) {
      const given = text(size);
      return { bytes: size, run: () => call(given) };
    },
  });
  const inField = (line) => (size) => `HTTP/1.1 200 OK\r\n${fill(line, size)}\r\n\r\n`;
  const ofCookie = (head) => keys.keyGivenBy({ kind: 'cookie', name: 'sid' }, 200, head);
  const ofField = (head) => keys.keyGivenBy({ kind: 'header', name: 'sid' }, 200, head);
  return [
    path_(
      'a query of separators',
      (size) => `/?${fill('&', size)}`,
      (text) => keys.parameterOf(text, 'sid'),
    ),
    path_(
      'a query of near misses',
      (size) => `/?${fill('sid&', size)}`,
      (text) => keys.parameterOf(text, 'sid'),
    ),
    path_(
      'a Cookie field of blanks',
      (size) => fill(' ', size),
      (text) => keys.cookieOf(text, 'sid'),
    ),
    path_(
      'a Cookie field of separators',
      (size) => fill('; ', size),
      (text) => keys.cookieOf(text, 'sid'),
    ),
    path_(
      'a path of slashes',
      (size) => fill('/', size),
      (text) => keys.segmentOf(text, 99_999),
    ),
    path_('Engine.IO in a URL', (size) => `/?${fill('EIO=4&transport=polling', size)}`, keys.isPolling),
    path_('a long key', (size) => fill('k', size), keys.shortKey),
    path_('an answer that sets many cookies', inField('set-cookie: sid=a\r\n'), ofCookie),
    path_(
      'an answer that sets a cookie of blanks',
      (size) => `HTTP/1.1 200 OK\r\nset-cookie: sid=a${fill(' ', size)}b\r\n\r\n`,
      ofCookie,
    ),
    path_(
      'an answer with a field of blanks',
      (size) => `HTTP/1.1 200 OK\r\nsid:${fill(' ', size)}b\r\n\r\n`,
      ofField,
    ),
    path_('an answer with many lines', inField('sid:\r\n'), ofField),
    path_(
      'a body that opens a session',
      (size) => `0{"sid":"${fill('\\', size)}`,
      (text) => keys.sessionOpenedBy(text, 'sid'),
    ),
  ];
}

/** Sizes count keys, and lie above every bound. */
function knownPaths({ KnownKeys }) {
  return [
    {
      name: 'keys that are remembered, 32 bytes each',
      sizes: [60_000, 120_000, 240_000],
      isWhole: true,
      repeats: 1,
      // The processor's caches hold fewer.
      room: 3,
      input(size) {
        const known = new KnownKeys();
        let serial = 0;
        const run = () => {
          for (let i = 0; i < size; i++) {
            const key = `key${(serial += 1)}`;
            known.givenBy(i & 1, key, () => true);
            known.carriedBack(key, i);
            known.carriedTo(`other${serial}`, 1);
          }
        };
        return { bytes: size * 32, run, once: true, kept: known };
      },
    },
  ];
}

function environPaths({ decodePath, addField }) {
  return [
    {
      name: 'environ: a path of escapes',
      sizes: SMALL,
      input: (size) => ({ bytes: size, run: () => decodePath(fill('/%C3%A9', size - (size % 7))) }),
    },
    {
      name: 'environ: a field that is repeated',
      sizes: SMALL,
      input: (size) => ({
        bytes: size,
        run() {
          const environ = {};
          for (let i = 0; i < size / 5; i++) addField(environ, 'a', 'b');
          return Buffer.from(environ.HTTP_A, 'latin1');
        },
      }),
    },
  ];
}

/** Milliseconds of a run that is long enough to be measured. */
const TIMED_MS = 1;

/** Runs an input once. Returns { bytes, ms }. */
export function timeOf({ bytes, run, once = false }) {
  let ms = timeOfRuns(run, 1);
  // Repeats until the time is filled. By then V8 has compiled the code.
  if (!once) ms = Math.min(ms, timeOfRuns(run, Math.ceil(TIMED_MS / Math.max(ms, 0.001))));
  return { bytes, ms };
}

/** Milliseconds per run. */
function timeOfRuns(run, runs) {
  const began = performance.now();
  for (let i = 0; i < runs; i++) run();
  return (performance.now() - began) / runs;
}

/** The bytes that an input retains after its run. */
export function memoryOf(input) {
  const before = used();
  const { run } = input;
  run();
  const after = used();
  // The input is in use until here.
  return input.bytes > 0 ? Math.max(0, after - before) : 0;
}

function used() {
  globalThis.gc();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
