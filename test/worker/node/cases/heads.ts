/**
 * Heads of responses: every way to write one.
 */
import type { Cases } from './case.ts';

export const heads: Cases = {
  'writeHead with an object': {
    listener: (_, response) =>
      response.writeHead(201, { 'Content-Type': 'text/plain', 'x-A': 1 }).end('made'),
  },
  'writeHead with a flat array': {
    listener: (_, response) =>
      response.writeHead(200, ['Content-Type', 'text/plain', 'X-Two', 'a', 'X-Two', 'b']).end('flat'),
  },
  'writeHead with an array of pairs': {
    listener: (_, response) => {
      const pairs = [
        ['Content-Type', 'text/plain'],
        ['X-Two', 'a'],
        ['X-Two', 'b'],
      ];
      response.writeHead(200, pairs as unknown as string[]).end('pairs');
    },
  },
  'writeHead with a message': {
    listener: (_, response) => response.writeHead(200, 'Very Fine').end('x'),
  },
  'writeHead with a message and an object': {
    listener: (_, response) => response.writeHead(404, 'Gone Fishing', { 'x-a': 'b' }).end('x'),
  },
  'writeHead beside setHeader': {
    listener: (_, response) => {
      response.setHeader('X-Kept', 'kept').setHeader('X-Set', 'old');
      response.writeHead(200, { 'x-set': 'new', 'X-More': 'more' }).end('x');
    },
  },
  'writeHead with a flat array beside setHeader': {
    listener: (_, response) => {
      response.setHeader('X-Kept', 'kept').setHeader('X-Set', 'old');
      response.writeHead(200, ['x-set', 'a', 'x-set', 'b']).end('x');
    },
  },
  'writeHead with an odd array is an error': {
    listener: (_, response) => {
      let code = '';
      try {
        response.writeHead(200, ['x']);
      } catch (error) {
        ({ code } = error as { code: string });
      }
      response.end(code);
    },
  },
  'writeHead twice is an error': {
    listener: (_, response, note) => {
      response.writeHead(200, { 'content-length': 1 });
      try {
        response.writeHead(500);
      } catch (error) {
        note('code', (error as { code: string }).code);
      }
      response.end('x');
    },
    ends: ['code'],
  },
  'a field name that is none': {
    listener: (_, response) => {
      const codes: string[] = [];
      for (const [name, value] of [
        ['a b', 'x'],
        ['', 'x'],
        ['x', 'a\r\nb'],
        ['x', '\u0100'],
        ['x', undefined],
      ]) {
        try {
          response.setHeader(name!, value!);
        } catch (error) {
          codes.push((error as { code: string }).code);
        }
      }
      response.end(codes.join());
    },
  },
  'a status that is none': {
    listener: (_, response) => {
      const codes: string[] = [];
      for (const status of [0, 99, 1000, Number.NaN]) {
        try {
          response.writeHead(status);
        } catch (error) {
          codes.push((error as { code: string }).code);
        }
      }
      response.end(codes.join());
    },
  },
  'a status nobody knows': { listener: (_, response) => response.writeHead(799).end('x') },
  statusCode: {
    listener: (_, response) => {
      response.statusCode = 418;
      response.end('teapot');
    },
  },
  statusMessage: {
    listener: (_, response) => {
      response.statusCode = 200;
      response.statusMessage = 'Fantastisch \xfc';
      response.end('x');
    },
  },
  'an empty statusMessage': {
    listener: (_, response) => {
      response.statusMessage = '';
      response.end('x');
    },
  },
  'setHeader, appendHeader, removeHeader and what tells of them': {
    listener: (_, response) => {
      response.setHeader('X-One', '1').setHeader('x-list', ['a', 'b']).setHeader('X-Gone', 'x');
      response.appendHeader('X-List', 'c').appendHeader('X-New', ['d', 'e']);
      response.removeHeader('x-gone');
      response.end(
        JSON.stringify([
          response.getHeaders(),
          response.getHeaderNames(),
          response.getHeader('x-LIST'),
          response.hasHeader('x-gone'),
          response.headersSent,
        ]),
      );
    },
  },
  setHeaders: {
    listener: (_, response) => {
      const headers = new Headers([
        ['x-a', '1'],
        ['set-cookie', 'a=1'],
        ['set-cookie', 'b=2'],
      ]);
      response.setHeaders(headers);
      response.end('x');
    },
  },
  'setHeader behind the head is an error': {
    listener: (_, response) => {
      response.write('a');
      const codes: string[] = [];
      const calls = [
        () => response.setHeader('x', 'y'),
        () => response.appendHeader('x', 'y'),
        () => response.removeHeader('x'),
        () => response.setHeaders(new Map([['x', 'y']])),
      ];
      for (const call of calls) {
        try {
          call();
        } catch (error) {
          codes.push((error as { code: string }).code);
        }
      }
      response.end(`${codes.join()} ${JSON.stringify(response.getHeaders())}`);
    },
  },
  'several Set-Cookie': {
    listener: (_, response) => {
      response.setHeader('Set-Cookie', ['a=1; Path=/', 'b=2']);
      response.appendHeader('set-cookie', 'c=3');
      response.end('x');
    },
  },
  'several Set-Cookie by writeHead': {
    listener: (_, response) => response.writeHead(200, { 'set-cookie': ['a=1', 'b=2'] }).end('x'),
  },
  'a field in Latin-1': {
    listener: (_, response) => {
      response.setHeader('X-Latin', 'caf\xe9');
      response.end('caf\xe9');
    },
  },
  'Content-Disposition in Latin-1 beside a length': {
    listener: (_, response) => {
      response.setHeader('Content-Length', 1);
      response.setHeader('Content-Disposition', 'attachment; filename="caf\xe9"');
      response.end('x');
    },
  },
  'names in their own case, with underscores': {
    listener: (_, response) => {
      response
        .setHeader('X_Under_Score', 'a')
        .setHeader('ETag', '"x"')
        .setHeader('WWW-Authenticate', 'Basic');
      response.end('x');
    },
  },
  'no head at all before the body': {
    listener: (_, response) => {
      response.write('a');
      response.write('b');
      response.end('c');
    },
  },
  flushHeaders: {
    listener: (_, response) => {
      response.setHeader('x-a', '1');
      response.flushHeaders();
      setImmediate(() => response.end('late'));
    },
  },
  'flushHeaders and nothing else': {
    listener: (_, response) => {
      response.flushHeaders();
      response.end();
    },
  },
  'Date left out': {
    listener: (_, response) => {
      response.sendDate = false;
      response.end('x');
    },
  },
  'Date of its own': {
    listener: (_, response) => response.writeHead(200, { Date: 'Thu, 01 Jan 1970 00:00:00 GMT' }).end('x'),
  },
  'Content-Length removed': {
    listener: (_, response) => {
      response.removeHeader('content-length');
      response.end('chunked');
    },
  },
  'Content-Length and Transfer-Encoding removed': {
    listener: (_, response) => {
      response.removeHeader('content-length');
      response.removeHeader('transfer-encoding');
      response.end('until the end');
    },
  },
  'Connection removed': {
    listener: (_, response) => {
      response.removeHeader('connection');
      response.end('x');
    },
  },
  'Connection: close by the application': {
    listener: (_, response) => {
      response.setHeader('Connection', 'close');
      response.end('last');
    },
  },
  'Connection: close by writeHead': {
    listener: (_, response) => response.writeHead(200, ['connection', 'CLOSE']).end('last'),
  },
  'shouldKeepAlive taken away': {
    listener: (_, response) => {
      response.shouldKeepAlive = false;
      response.end('last');
    },
  },
  'Connection: close by the client': {
    sends: { fields: ['Connection: close'] },
    listener: (_, response) => response.end('last'),
  },
  'Connection: close among others by the client': {
    sends: { fields: ['Connection: foo, Close'] },
    listener: (_, response) => response.end('last'),
  },
};
