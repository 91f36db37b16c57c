/**
 * The server calls a listener when the head of its request has arrived, before the body.
 */
import type { Client } from '../../../support/client.ts';
import { type Case, type Cases, type Listener, type Sent, watch } from './case.ts';

const LENGTH: Sent = { method: 'POST', fields: ['Content-Length: 10'], body: 'abcdefghij' };
const CHUNKED: Sent = {
  method: 'POST',
  fields: ['Transfer-Encoding: chunked'],
  body: '3\r\nabc\r\n7\r\ndefghij\r\n0\r\n\r\n',
};
const OLD: Sent = { ...LENGTH, version: '1.0', fields: ['Content-Length: 10', 'Connection: keep-alive'] };

/** Sends the head and the first bytes of the body. Sends the rest when `part` of the response has arrived. */
function sendRestAt(part: string, behind: number) {
  return async (client: Client, bytes: string) => {
    const at = bytes.indexOf('\r\n\r\n') + 4 + behind;
    await client.write(bytes.slice(0, at));
    await client.until(() => client.received.includes(part));
    await client.write(bytes.slice(at));
  };
}

/** The same, but leaves when `part` has arrived. */
function leaveAt(part: string, behind: number) {
  return async (client: Client, bytes: string) => {
    await client.write(bytes.slice(0, bytes.indexOf('\r\n\r\n') + 4 + behind));
    await client.until(() => client.received.includes(part));
    client.close();
  };
}

const answerAtOnce: Listener = (request, response, note) => {
  note('called', request.complete);
  response.end('early');
};

const answerParts: Listener = (request, response) => {
  response.flushHeaders();
  request.on('data', (part: Buffer) => response.write(`<${part.toString()}>`));
  request.on('end', () => response.end('end'));
};

const readAndNote: Listener = (request, response, note) => {
  watch(request, response, note);
  response.write('begun');
  request.resume();
};

const GONE = { ends: ['req close', 'res close', 'req error'], torn: true, alone: true };

/** Each case with a body of known length, a chunked body and an HTTP/1.0 body. */
function each(title: string, one: (sends: Sent, first: number) => Case): [string, Case][] {
  return [
    [`${title}, Content-Length (C32)`, one(LENGTH, 3)],
    [`${title}, chunked (C32)`, one(CHUNKED, '3\r\nabc\r\n'.length)],
    [`${title}, HTTP/1.0 (C32)`, one(OLD, 3)],
  ];
}

export const early: Cases = Object.fromEntries([
  ...each('a listener answers when the head came alone', (sends) => ({
    sends,
    listener: answerAtOnce,
    client: sendRestAt('early', 0),
    ends: ['called'],
  })),
  ...each('a listener answers when a part of the body came', (sends, first) => ({
    sends,
    listener: answerAtOnce,
    client: sendRestAt('early', first),
    ends: ['called'],
  })),
  ...each('a client sends a part and waits for the answer to it', (sends, first) => ({
    sends,
    listener: answerParts,
    client: sendRestAt('<abc>', first),
  })),
  ...each('a client waits for the head of the answer before its body', (sends) => ({
    sends,
    listener: (request, response) => {
      response.writeHead(200, { 'content-type': 'text/plain' });
      response.flushHeaders();
      void request.pipe(response);
    },
    client: sendRestAt('text/plain', 0),
    chunks: 'any',
  })),
  ...each('a client leaves when only its head came', (sends) => ({
    ...GONE,
    sends,
    listener: readAndNote,
    client: leaveAt('begun', 0),
  })),
  ...each('a client leaves in the middle of its body', (sends, first) => ({
    ...GONE,
    sends,
    listener: readAndNote,
    client: leaveAt('begun', first),
  })),
  ...each('a body that comes later is read as one that came at once', (sends, first) => ({
    sends,
    listener: async (request, response, note) => {
      watch(request, response, note);
      note('at first', request.complete);
      response.setHeader('x-first', 'yes').flushHeaders();
      let text = '';
      for await (const part of request.setEncoding('latin1')) text += String(part);
      response.end(`read ${text}`);
    },
    client: sendRestAt('x-first', first),
    ends: ['res close', 'req close'],
  })),
]);
