/**
 * Benchmarks of the interface: the cost of an environ, and what the state machine adds to a response.
 */
import { Bench } from 'tinybench';
import { Parser } from '../dist/http/parser.js';
import { callApplication } from '../dist/tsgi/handler.js';
import { emptyInput } from '../dist/tsgi/input.js';
import { buildEnviron } from '../dist/worker/tsgi/make-environ.js';

const FIELDS = [
  ['Host', 'localhost:8000'],
  ['User-Agent', 'Mozilla/5.0 (X11; Linux x86_64; rv:109.0) Gecko/20100101 Firefox/115.0'],
  ['Accept', 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8'],
  ['Accept-Language', 'en-US,en;q=0.5'],
  ['Accept-Encoding', 'gzip, deflate, br'],
  ['Referer', 'http://localhost:8000/some/page'],
  ['Cookie', 'session=abcdefghijklmnop; theme=dark'],
  ['Cache-Control', 'max-age=0'],
  ['Sec-Fetch-Dest', 'document'],
  ['Sec-Fetch-Mode', 'navigate'],
  ['Sec-Fetch-Site', 'same-origin'],
  ['DNT', '1'],
];
const CONTEXT = {
  software: 'bench',
  multithread: true,
  multiprocess: false,
  concurrent: true,
  blockingInput: true,
  requestIdPrefix: 'x',
};

/** Median nanoseconds of each task. The tasks take turns, a thousand calls each. */
async function compare(tasks) {
  const bench = new Bench({ time: 700 });
  for (const [name, work] of Object.entries(tasks)) {
    bench.add(name, () => {
      for (let i = 0; i < 1000; i++) work();
    });
  }
  await bench.run();
  return Object.fromEntries(bench.tasks.map((task) => [task.name, task.result.latency.p50 * 1000]));
}

/** A parsed request, as the worker reads it from the slab. */
function parsed() {
  const text = `GET /some/path?with=query HTTP/1.1\r\n${FIELDS.map((field) => field.join(': ')).join('\r\n')}\r\n\r\n`;
  const parser = new Parser({ maxRequestLine: 8192, maxHeaderSize: 32_768, maxHeaders: 100 });
  const bytes = Buffer.from(text, 'latin1');
  parser.start();
  parser.buffer.set(bytes);
  parser.feed(0, bytes.length);
  const { flags, headLength, headStart, headerCount, methodLength, targetOffset, targetLength } = parser;
  const peers = { remoteAddress: '127.0.0.1', remotePort: 50000, localAddress: '127.0.0.1', localPort: 8000 };
  const spans = parser.words.slice(parser.spansStart, parser.spansStart + headerCount * 4);
  const numbers = { flags, headerCount, methodLength, targetOffset, targetLength, serial: 1, spansStart: 0 };
  return {
    head: '',
    ...numbers,
    ...peers,
    spans,
    bytes: Buffer.from(parser.memory.slice(headStart, headStart + headLength)),
  };
}

/** Does building an environ with 12 fields cost more than `new Headers()` with the same fields? */
export async function environ() {
  const request = parsed();
  const parts = { input: emptyInput, errors: {}, exchange: {}, deadline: undefined };
  let sum = 0;
  const times = await compare({
    // Made from bytes, as in the server. A string that was sliced before would be cheaper than any real request.
    environ: () => {
      request.head = request.bytes.latin1Slice(0, request.bytes.length);
      sum += buildEnviron(request, CONTEXT, parts).REQUEST_URI.length;
    },
    headers: () => {
      sum += new Headers(FIELDS).has('dnt') ? 1 : 0;
    },
  });
  const ratio = (times.environ / times.headers).toFixed(2);
  return `environ: ${times.environ.toFixed(0)} ns with 12 fields, ${ratio}× new Headers() of them (${times.headers.toFixed(0)} ns)${sum > 0 ? '' : '!'}`;
}

/** How much does the state machine add to a response of one chunk? */
export async function machine() {
  const headers = [
    ['content-type', 'text/plain'],
    ['content-length', '13'],
  ];
  const environ = { REQUEST_METHOD: 'GET' };
  let sent = 0;
  const sink = {
    gone: false,
    respond(status, list, body) {
      sent += status + list.length + body.length;
    },
    start() {},
    write() {},
    end() {},
  };
  const application = (_environ, startResponse) => {
    startResponse(200, headers);
    return 'Hello, World!';
  };
  const times = await compare({
    alone: () => {
      let status = 0;
      let list = headers;
      const body = application(environ, (given, fields) => {
        status = given;
        list = fields;
      });
      sink.respond(status, list, body);
    },
    machine: () => callApplication(application, environ, sink),
  });
  const added = (times.machine - times.alone).toFixed(0);
  return `state machine: adds ${added} ns to a one-chunk response with 2 headers (${times.machine.toFixed(0)} : ${times.alone.toFixed(0)} ns)${sent > 0 ? '' : '!'}`;
}
