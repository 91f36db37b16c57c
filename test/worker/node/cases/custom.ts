/**
 * A server with options and more than one listener.
 */
import type http from 'node:http';
import { IncomingMessage, ServerResponse } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { type Cases, flagsOf, type Listener } from './case.ts';
import { hostOf } from './host.ts';

class OwnRequest extends IncomingMessage {
  get shout(): string {
    return `${this.url?.toUpperCase()}`;
  }
}

class OwnResponse extends ServerResponse {
  tell(text: string): void {
    this.setHeader('x-told', 'yes');
    this.end(text);
  }
}

const EXPECTS = { method: 'POST', fields: ['Content-Length: 3', 'Expect: 100-continue'] };

/** Sends the head. Sends the rest only after a 100. */
async function whenAsked(client: Parameters<NonNullable<Cases[string]['client']>>[0], bytes: string) {
  const end = bytes.indexOf('\r\n\r\n') + 4;
  await client.write(bytes.slice(0, end));
  await client.until(() => client.received.includes('\r\n\r\n'));
  if (client.received.includes('100 Continue')) await client.write(bytes.slice(end));
}

export const cases: Cases = {
  joinDuplicateHeaders: {
    sends: { fields: ['Authorization: a', 'authorization: b', 'Age: 1', 'Age: 2', 'X: 1', 'X: 2'] },
    listener: (request, response) => response.end(JSON.stringify([request.headers, request.headersDistinct])),
  },
  'a request and a response of their own classes': {
    sends: { target: '/path' },
    listener: (request, response) => {
      (response as OwnResponse).tell(`${(request as OwnRequest).shout} ${request instanceof OwnRequest}`);
    },
  },
  uniqueHeaders: {
    listener: (_, response) => {
      response.setHeader('X-Unique', ['a', 'b']).setHeader('X-Other', ['a', 'b']);
      response.end('x');
    },
  },
  rejectNonStandardBodyWrites: {
    sends: { method: 'HEAD' },
    listener: (_, response, note) => {
      try {
        response.write('x');
      } catch (error) {
        note('code', (error as { code: string }).code);
      }
      response.end();
    },
    ends: ['code'],
  },
  'more than one listener': {
    listener: (_, response, note) => {
      note('first');
      response.end('by the first');
    },
    ends: ['first', 'second'],
  },
  'a listener for checkContinue that lets it come': {
    sends: { ...EXPECTS, body: 'abc' },
    client: whenAsked,
    listener: async (request, response, note) => {
      response.writeContinue(() => note('continued'));
      response.end(`checked ${(await buffer(request)).toString()}`);
    },
    ends: ['continued'],
  },
  'a listener for checkContinue that refuses': {
    sends: { ...EXPECTS, body: 'abc' },
    client: whenAsked,
    listener: (_, response, note) => {
      response.on('close', () => note('res close', flagsOf(response)));
      response.writeHead(417, { 'x-why': 'no' }).end();
    },
    ends: ['res close'],
  },
  'a timeout of the server that somebody listens for': {
    listener: (request, response, note) => {
      response.on('close', () => note('closed'));
      request.socket.once('timeout', () => note('socket timeout'));
    },
    ends: ['closed', 'server timeout'],
  },
};

const server = hostOf(cases, {
  joinDuplicateHeaders: true,
  uniqueHeaders: ['x-unique'],
  rejectNonStandardBodyWrites: true,
  IncomingMessage: OwnRequest,
  ServerResponse: OwnResponse,
} as http.ServerOptions);

const [first] = server.listeners('request') as Listener[];
server.on('checkContinue', (request, response) => first!.call(server, request, response, () => {}));
server.on('request', (request: IncomingMessage) => noteOf(request, 'second'));
server.setTimeout(200, (socket) => {
  const { _httpMessage: response } = socket as unknown as { _httpMessage: ServerResponse | null };
  if (response === null) return void socket.destroy();
  noteOf(response.req, 'server timeout');
  response.end('timed out');
});

function noteOf(request: IncomingMessage, text: string): void {
  server.emit('note', String(request.headers['x-case']), text);
}

export default server;
