/**
 * Interim responses: 100, 102 and 103, and the effect of `Expect`.
 */
import type { Cases, Listener } from './case.ts';

const readAll: Listener = (request, response) => {
  let text = '';
  request.setEncoding('utf8').on('data', (part: string) => (text += part));
  request.on('end', () => response.end(`read ${text}`));
};

const EXPECTS = { method: 'POST', fields: ['Content-Length: 3', 'Expect: 100-continue'] };

export const interim: Cases = {
  writeProcessing: {
    listener: (_, response, note) => {
      response.writeProcessing();
      note('sent', response.headersSent);
      setImmediate(() => response.end('done'));
    },
    ends: ['sent'],
  },
  'writeEarlyHints with one link': {
    listener: (_, response, note) => {
      response.writeEarlyHints({ link: '</a.css>; rel=preload; as=style' }, () => note('called back'));
      setImmediate(() => response.end('done'));
    },
    ends: ['called back'],
  },
  'writeEarlyHints with several links and more': {
    listener: (_, response) => {
      response.writeEarlyHints({
        link: ['</a.css>; rel=preload; as=style', '</b.js>; rel=preload; as=script'],
        'x-trace': 'abc',
      });
      response.writeHead(200, { 'x-final': 'yes' }).end('done');
    },
  },
  'writeEarlyHints twice': {
    listener: (_, response) => {
      response.writeEarlyHints({ link: '</a>; rel=preload' });
      response.writeEarlyHints({ link: '</b>; rel=preload' });
      response.end('done');
    },
  },
  'writeEarlyHints with a link that is none': {
    listener: (_, response) => {
      try {
        response.writeEarlyHints({ link: 'bad' });
      } catch (error) {
        response.end((error as { code: string }).code);
      }
    },
  },
  'writeContinue that nobody asked for': {
    listener: (_, response) => {
      response.writeContinue();
      response.end('done');
    },
  },
  'Expect: 100-continue and a listener that reads': {
    sends: { ...EXPECTS, body: 'abc' },
    client: async (client, bytes) => {
      const end = bytes.indexOf('abc');
      await client.write(bytes.slice(0, end));
      await client.until(() => client.received.includes('100 Continue\r\n\r\n'));
      await client.write(bytes.slice(end));
    },
    listener: readAll,
  },
  'Expect: 100-continue and a listener that reads later': {
    sends: { ...EXPECTS, body: 'abc' },
    client: async (client, bytes) => {
      const end = bytes.indexOf('abc');
      await client.write(bytes.slice(0, end));
      await client.until(() => client.received.includes('100 Continue\r\n\r\n'));
      await client.write(bytes.slice(end));
    },
    listener: (request, response, note) => void setImmediate(() => readAll(request, response, note)),
  },
};
