/**
 * The end of exchanges: the order of events, the causes of a destroy, and the state of the connection.
 */
import { finished, Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Client } from '../../../support/client.ts';
import { type Cases, flagsOf, type Listener, stateOf, watch } from './case.ts';

/** Sends everything, and leaves after `part` of the response. */
function leaveAt(part: string) {
  return async (client: Client, bytes: string) => {
    await client.write(bytes);
    await client.until(() => client.received.includes(part));
    client.close();
  };
}

/** Sends a part of its body, waits for `part` of the response, and leaves. */
function leaveUpload(part: string) {
  return async (client: Client, bytes: string) => {
    await client.write(bytes.slice(0, -10));
    await client.until(() => client.received.includes(part));
    client.close();
  };
}

const PARTIAL = { method: 'POST', fields: ['Content-Length: 200000'], body: 'x'.repeat(200_000) };
const GONE = ['req close', 'res close'];

const waitForClose: Listener = (request, response, note) => {
  watch(request, response, note);
  response.write('begun');
};

export const ends: Cases = {
  'end: what is true when': {
    listener: (request, response, note) => {
      watch(request, response, note);
      note('at first', flagsOf(response));
      response.writeHead(200);
      note('headed', flagsOf(response));
      response.write('a');
      note('written', flagsOf(response));
      response.end('b', () => note('called back', flagsOf(response)));
      note('ended', flagsOf(response));
      process.nextTick(() => note('next tick', response.writableFinished));
    },
    ends: ['res close', 'req close', 'called back'],
  },
  'end in a later turn: what is true when': {
    listener: (request, response, note) => {
      watch(request, response, note);
      setImmediate(() => response.end('b', () => note('called back', flagsOf(response))));
    },
    ends: ['res close', 'req close', 'called back'],
  },
  'Connection: close: what is told': {
    alone: true,
    sends: { fields: ['Connection: close'] },
    listener: (request, response, note) => {
      watch(request, response, note);
      response.end('b');
    },
    ends: ['res close', 'req close'],
  },
  'HEAD: what is told': {
    sends: { method: 'HEAD' },
    listener: (request, response, note) => {
      watch(request, response, note);
      response.end('b');
    },
    ends: ['res close', 'req close'],
  },
  'sockets afterwards': {
    listener: (request, response, note) => {
      const { socket } = response;
      response.on('finish', () => note('at finish', response.socket === null));
      response.on('close', () => {
        note('socket', [response.socket === null, request.socket === socket, socket?.destroyed]);
      });
      response.end('b');
    },
    ends: ['socket'],
  },
  'stream.finished of both': {
    listener: (request, response, note) => {
      finished(response, (error) => note('response finished', error?.message ?? 'well'));
      finished(request, (error) => note('request finished', error?.message ?? 'well'));
      request.resume();
      response.end('b');
    },
    ends: ['response finished', 'request finished'],
  },
  'the signal of a request, from Node 26 on, when it is answered': {
    listener: (request, response, note) => {
      const { signal } = request as { signal?: AbortSignal };
      request.on('close', () => setImmediate(() => note('aborted', signal?.aborted ?? 'no signal')));
      response.end('x');
    },
    ends: ['aborted'],
  },
  'the signal of a request, from Node 26 on, when its client leaves': {
    listener: (request, response, note) => {
      const { signal } = request as { signal?: AbortSignal };
      response.on('close', () => setImmediate(() => note('aborted', signal?.aborted ?? 'no signal')));
      response.write('begun');
    },
    client: leaveAt('begun'),
    ends: ['aborted'],
    torn: true,
    alone: true,
  },
  'response.destroy before the head': {
    reset: 'may',
    listener: (request, response, note) => {
      watch(request, response, note);
      response.destroy();
      note('destroyed', flagsOf(response));
    },
    ends: GONE,
  },
  'response.destroy with an error before the head': {
    reset: 'may',
    listener: (request, response, note) => {
      watch(request, response, note);
      response.destroy(new Error('for a reason'));
      note('errored', response.errored?.message);
    },
    ends: GONE,
  },
  'response.destroy behind the head': {
    listener: (request, response, note) => {
      watch(request, response, note);
      response.write('begun', () => response.destroy());
    },
    ends: GONE,
    torn: true,
  },
  'request.destroy before the head': {
    order: 'any',
    reset: 'may',
    listener: (request, response, note) => {
      watch(request, response, note);
      request.destroy();
      note('destroyed', stateOf(request));
    },
    ends: GONE,
  },
  'request.destroy with an error': {
    order: 'any',
    reset: 'may',
    sends: { method: 'POST', fields: ['Content-Length: 3'], body: 'abc' },
    listener: (request, response, note) => {
      watch(request, response, note);
      request.destroy(new Error('for a reason'));
    },
    ends: [...GONE, 'req error'],
  },
  'socket.destroy': {
    reset: 'may',
    listener: (request, response, note) => {
      watch(request, response, note);
      request.socket.on('close', () => note('socket close', request.socket.destroyed));
      request.socket.destroy();
      note('destroyed', request.socket.destroyed);
    },
    ends: [...GONE, 'socket close'],
  },
  'socket.end behind a part': {
    listener: (request, response, note) => {
      watch(request, response, note);
      response.write('part');
      setImmediate(() => request.socket.end());
    },
    ends: GONE,
  },
  'writes behind a destroy': {
    reset: 'may',
    listener: (request, response, note) => {
      response.on('error', (error) => note('res error', error.message));
      response.destroy();
      note(
        'write',
        response.write('x', (error) =>
          note('callback', (error as NodeJS.ErrnoException | undefined)?.code ?? 'none'),
        ),
      );
      response.end('y');
      response.on('close', () => note('close', flagsOf(response)));
    },
    ends: ['close', 'callback'],
  },
  'a client that leaves in the middle of the response': {
    listener: waitForClose,
    client: leaveAt('begun'),
    ends: GONE,
    torn: true,
    alone: true,
  },
  'a client that leaves before the head': {
    listener: (request, response, note) => {
      watch(request, response, note);
      response.writeProcessing();
    },
    client: leaveAt('102'),
    ends: GONE,
    torn: true,
    alone: true,
  },
  'a client that leaves in the middle of its body': {
    sends: PARTIAL,
    listener: (request, response, note) => {
      watch(request, response, note);
      request.resume();
      response.write('begun');
    },
    client: leaveUpload('begun'),
    ends: [...GONE, 'req error'],
    torn: true,
    alone: true,
  },
  // No code reads from its connection either, so only a write shows that the client has left.
  'a client that leaves while nobody reads its body': {
    sends: PARTIAL,
    listener: (request, response, note) => {
      waitForClose(request, response, note);
      const timer = setInterval(() => response.write('more'), 10);
      response.on('close', () => clearInterval(timer));
    },
    client: leaveUpload('begun'),
    ends: GONE,
    torn: true,
    alone: true,
  },
  'a client that leaves while its body is iterated': {
    sends: PARTIAL,
    listener: async (request, response, note) => {
      response.write('begun');
      try {
        for await (const part of request) void part;
        note('read');
      } catch (error) {
        const { code, message } = error as NodeJS.ErrnoException;
        note('read', `${code} ${message}`);
      }
    },
    client: leaveUpload('begun'),
    ends: ['read'],
    torn: true,
    alone: true,
  },
  'a client that leaves while a stream is piped to it': {
    listener: async (_, response, note) => {
      async function* endless() {
        for (;;) yield await new Promise<Buffer>((resolve) => setImmediate(resolve, Buffer.alloc(1000, 'x')));
      }
      const source = Readable.from(endless());
      source.on('close', () => note('source close', source.destroyed));
      await pipeline(source, response).catch((error: NodeJS.ErrnoException) => note('piped', error.code));
    },
    client: leaveAt('xxx'),
    ends: ['piped', 'source close'],
    torn: true,
    alone: true,
  },
  'a client that leaves while an ended response is on its way': {
    listener: (request, response, note) => {
      watch(request, response, note);
      response.end(Buffer.alloc(8 * 1024 * 1024, 'x'), () => note('called back', flagsOf(response)));
    },
    client: async (client, bytes) => {
      await client.write(bytes);
      await client.until(() => client.received.includes('xxx'));
      client.socket.pause();
      client.close();
    },
    ends: GONE,
    torn: true,
    alone: true,
  },
  'a client that ends its side': {
    listener: (request, response, note) => {
      watch(request, response, note);
      response.write('begun');
    },
    client: async (client, bytes) => {
      client.socket.write(bytes);
      await client.until(() => client.received.includes('begun'));
      client.socket.end();
    },
    ends: GONE,
    torn: true,
    alone: true,
  },
  'an unread body that is small': {
    sends: { method: 'POST', fields: ['Content-Length: 3'], body: 'abc' },
    listener: (_, response) => response.end('x'),
  },
  'an unread body of Connection: close': {
    sends: { method: 'POST', fields: ['Content-Length: 3', 'Connection: close'], body: 'abc' },
    listener: (_, response) => response.end('x'),
  },
};
