/**
 * Bodies of requests: every way to read one, or to leave it unread.
 */
import { createHash } from 'node:crypto';
import { PassThrough, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { buffer, json } from 'node:stream/consumers';
import { type Cases, type Listener, type Sent, stateOf, watch } from './case.ts';

function post(body: string, ...fields: string[]): Sent {
  return { method: 'POST', fields: [`Content-Length: ${body.length}`, ...fields], body };
}

function chunked(...chunks: string[]): Sent {
  const body = [...chunks, ''].map((chunk) => `${chunk.length.toString(16)}\r\n${chunk}\r\n`).join('');
  return { method: 'POST', fields: ['Transfer-Encoding: chunked'], body };
}

const LARGE = 'abcdefgh'.repeat(100_000);

const digest: Listener = async (request, response) => {
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const part of request) {
    bytes += (part as Buffer).length;
    hash.update(part as Buffer);
  }
  response.end(`${bytes} ${hash.digest('hex')}`);
};

const unread: Listener = (_, response) => response.end('not read');

export const uploads: Cases = {
  "on 'data' and 'end'": {
    sends: post('abc'),
    listener: (request, response) => {
      const parts: Buffer[] = [];
      request.on('data', (part: Buffer) => parts.push(part));
      request.on('end', () => response.end(`${Buffer.concat(parts).toString()} ${stateOf(request)}`));
    },
  },
  "on 'readable'": {
    sends: post('abc'),
    listener: (request, response) => {
      let text = '';
      request.on('readable', () => {
        for (let part; (part = request.read(2) ?? request.read()) !== null;) text += `[${String(part)}]`;
      });
      request.on('end', () => response.end(text));
    },
  },
  setEncoding: {
    sends: [post('h\xc3\xa9'), chunked('h\xc3', '\xa9', 'x')],
    listener: (request, response) => {
      let text = '';
      request.setEncoding('utf8').on('data', (part: string) => (text += part));
      request.on('end', () => response.end(text));
    },
  },
  'async iteration': { sends: [post('abc'), post(LARGE), chunked('ab', 'c', LARGE)], listener: digest },
  'an empty body': { sends: [{}, post(''), chunked()], listener: digest },
  'stream/consumers': {
    sends: post('{"a":1}', 'Content-Type: application/json'),
    listener: async (request, response) => response.end(JSON.stringify(await json(request))),
  },
  'pipe back': {
    sends: [post('abc'), chunked('a', 'bc')],
    listener: (request, response) => void request.pipe(response),
    chunks: 'any',
  },
  'pipe a large body back': {
    sends: post(LARGE),
    listener: (request, response) => void request.pipe(response),
    chunks: 'any',
  },
  'pipeline both ways, through a transform': {
    sends: post('abc'.repeat(50_000)),
    listener: async (request, response, note) => {
      const upper = new Transform({
        transform: (part: Buffer, _, done) => done(null, part.toString('latin1').toUpperCase()),
      });
      response.setHeader('content-type', 'text/plain');
      response.setHeader('content-length', 150_000);
      await pipeline(request, upper, response);
      note('piped', stateOf(request));
    },
    ends: ['piped'],
  },
  'pause and resume': {
    sends: post(LARGE),
    listener: (request, response, note) => {
      let bytes = 0;
      request.on('data', (part: Buffer) => {
        bytes += part.length;
        request.pause();
        if (!request.isPaused()) note('is not paused');
        setImmediate(() => request.resume());
      });
      request.on('end', () => response.end(String(bytes)));
    },
  },
  'a reader that comes late': {
    sends: [post('abc'), post(LARGE)],
    listener: (request, response, note) =>
      void setTimeout(() => void (digest(request, response, note) as Promise<void>), 20),
  },
  'a slow reader behind a stream': {
    sends: post(LARGE),
    listener: async (request, response) => {
      const through = new PassThrough({ highWaterMark: 10 });
      void pipeline(request, through);
      let bytes = 0;
      for await (const part of through) {
        bytes += (part as Buffer).length;
        if (bytes < 300_000) await new Promise((resolve) => setImmediate(resolve));
      }
      response.end(String(bytes));
    },
  },
  'events of a body that is read': {
    sends: post('abc'),
    listener: async (request, response, note) => {
      watch(request, response, note);
      note('at first', stateOf(request));
      note('read', (await buffer(request)).toString());
      response.end('x');
    },
    ends: ['res close', 'req close'],
  },
  'events of a body that is not read': {
    sends: post('abc'),
    listener: (request, response, note) => {
      watch(request, response, note);
      response.end('x');
    },
    ends: ['res close', 'req close'],
  },
  'events of no body': {
    listener: (request, response, note) => {
      watch(request, response, note);
      response.end('x');
    },
    ends: ['res close', 'req close'],
  },
  'resume and nothing else': {
    sends: post(LARGE),
    listener: (request, response) => {
      request.resume();
      request.on('end', () => response.end(`let go ${stateOf(request)}`));
    },
  },
  'a small body that is not read': { sends: [post('abc'), chunked('abc')], listener: unread },
  'answered at once, and read on': {
    sends: post(LARGE),
    listener: (request, response, note) => {
      let bytes = 0;
      request.on('data', (part: Buffer) => (bytes += part.length));
      request.on('end', () => note('read', bytes));
      response.end('early');
    },
    ends: ['read'],
  },
  'answered in the middle of the body': {
    sends: post(LARGE),
    listener: (request, response, note) => {
      request.once('data', () => response.end('early'));
      request.on('end', () => note('ended'));
      request.resume();
    },
    ends: ['ended'],
  },
  'trailers of a request': {
    sends: {
      method: 'POST',
      fields: ['Transfer-Encoding: chunked', 'Trailer: X-Sum'],
      body: '3\r\nabc\r\n0\r\nX-Sum: 3\r\n\r\n',
    },
    listener: (request, response) => {
      request.resume();
      request.on('end', () => response.end('read'));
    },
  },
  'a body of GET': {
    sends: { fields: ['Content-Length: 3'], body: 'abc' },
    listener: digest,
  },
  'destroyed when it was read': {
    sends: post('abc'),
    listener: async (request, response, note) => {
      await buffer(request);
      request.destroy();
      note('destroyed', stateOf(request));
      response.end('still answered');
    },
    ends: ['destroyed'],
  },
};
