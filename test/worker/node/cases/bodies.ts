/**
 * Bodies of responses, their framing, and the bytes after them.
 */
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type Cases, flagsOf, type Listener } from './case.ts';

const threeWrites: Listener = (_, response) => {
  response.write('a');
  response.write(Buffer.from('bc'));
  response.end('d');
};

function lengthCase(length: number, strict: boolean): Listener {
  return (_, response, note) => {
    response.strictContentLength = strict;
    response.writeHead(200, { 'Content-Length': length });
    try {
      response.write('ab');
      response.end('cd');
      note('ended');
    } catch (error) {
      note('ended', (error as { code: string }).code);
      response.destroy();
    }
  };
}

export const bodies: Cases = {
  'end with text': { listener: (_, response) => response.end('h\xe9llo \u20ac') },
  'end with bytes': { listener: (_, response) => response.end(Buffer.from([0, 255, 10])) },
  'end with a Uint8Array': { listener: (_, response) => response.end(new Uint8Array([65, 66])) },
  'end with nothing': { listener: (_, response) => response.end() },
  'end with an empty text': { listener: (_, response) => response.end('') },
  'end with encodings': {
    listener: (_, response) => {
      response.write('e9e8', 'hex');
      response.write('\xe9', 'latin1');
      response.write('w6k=', 'base64');
      response.write('\u20ac', 'utf16le');
      response.write('\xe9', 'utf8');
      response.end('\xe9', 'binary');
    },
  },
  'end in Latin-1': { listener: (_, response) => response.end('\xe9', 'latin1') },
  'end with what is no chunk': {
    listener: (_, response) => {
      const codes: string[] = [];
      for (const chunk of [1, {}, null, true]) {
        try {
          response.write(chunk as unknown as string);
        } catch (error) {
          codes.push((error as { code: string }).code);
        }
      }
      response.end(codes.join());
    },
  },
  'callbacks come in order': {
    listener: (_, response, note) => {
      note(
        'first',
        response.write('a', () => note('wrote a', flagsOf(response))),
      );
      response.write('b', 'utf8', () => note('wrote b'));
      response.end('c', () => note('ended', flagsOf(response)));
    },
    ends: ['ended', 'wrote a', 'wrote b'],
  },
  'end twice': {
    listener: (_, response, note) => {
      response.end('a', () => note('first', flagsOf(response)));
      response.end(() => note('second'));
      response.on('close', () => response.end(() => note('third')));
    },
    ends: ['first', 'second', 'third'],
  },
  'write behind the end': {
    listener: (_, response, note) => {
      response.on('error', (error: NodeJS.ErrnoException) => note('error', error.code));
      response.end('a');
      note(
        'wrote',
        response.write('b', (error) => note('callback', (error as NodeJS.ErrnoException).code)),
      );
    },
    ends: ['error', 'callback'],
  },
  'several writes': { listener: threeWrites },
  'several writes to HTTP/1.0': { sends: { version: '1.0' }, listener: threeWrites },
  'several writes to HTTP/1.0 that keeps alive': {
    sends: { version: '1.0', fields: ['Connection: keep-alive'] },
    listener: threeWrites,
  },
  'end with text to HTTP/1.0': { sends: { version: '1.0' }, listener: (_, response) => response.end('x') },
  'end with text to HTTP/1.0 that keeps alive': {
    sends: { version: '1.0', fields: ['Connection: keep-alive'] },
    listener: (_, response) => response.end('x'),
  },
  'a length of its own to HTTP/1.0 that keeps alive': {
    sends: { version: '1.0', fields: ['Connection: Keep-Alive'] },
    listener: (_, response) => response.writeHead(200, { 'Content-Length': 1 }).end('x'),
  },
  'HEAD with text': { sends: { method: 'HEAD' }, listener: (_, response) => response.end('hello') },
  'HEAD with several writes': { sends: { method: 'HEAD' }, listener: threeWrites },
  'HEAD with a length': {
    sends: { method: 'HEAD' },
    listener: (_, response) => response.writeHead(200, { 'content-length': 5 }).end(),
  },
  'HEAD with nothing': { sends: { method: 'HEAD' }, listener: (_, response) => response.end() },
  '204 with nothing': { listener: (_, response) => response.writeHead(204).end() },
  '204 with a body': { listener: (_, response) => response.writeHead(204).end('ignored') },
  '304 with fields': {
    listener: (_, response) => response.writeHead(304, { etag: '"x"', 'content-length': 7 }).end(),
  },
  '304 with a body': {
    listener: (_, response) => {
      response.statusCode = 304;
      response.write('ignored');
      response.end('ignored');
    },
  },
  '205 with nothing': { listener: (_, response) => response.writeHead(205).end() },
  'a length that is right': { listener: lengthCase(4, false) },
  'a length that is right, strictly': { listener: lengthCase(4, true) },
  'a length that is too short, strictly': { listener: lengthCase(3, true), ends: ['ended'], torn: true },
  'a length that is too long, strictly': { listener: lengthCase(5, true), ends: ['ended'], torn: true },
  'a length of 0': { listener: (_, response) => response.writeHead(200, { 'Content-Length': 0 }).end() },
  'Transfer-Encoding by the application': {
    listener: (_, response) => {
      response.writeHead(200, { 'Transfer-Encoding': 'chunked' });
      response.end('whole');
    },
  },
  'Transfer-Encoding by setHeader': {
    listener: (_, response) => {
      response.setHeader('transfer-encoding', 'chunked');
      response.write('a');
      response.end();
    },
  },
  'empty writes': {
    listener: (_, response) => {
      response.write('');
      response.write(Buffer.alloc(0));
      response.write('a');
      response.write('');
      response.end();
    },
  },
  trailers: {
    listener: (_, response) => {
      response.writeHead(200, { Trailer: 'X-Sum, X-More' });
      response.write('body');
      response.addTrailers({ 'X-Sum': '4', 'X-More': 'yes' });
      response.end();
    },
  },
  'trailers as pairs, announced by setHeader': {
    listener: (_, response) => {
      response.setHeader('trailer', 'x-sum');
      response.write('body');
      response.addTrailers([['x-sum', '4']]);
      response.end();
    },
  },
  'trailers beside a length are an error': {
    listener: (_, response) => {
      try {
        response.writeHead(200, { Trailer: 'X-Sum', 'Content-Length': 1 });
      } catch (error) {
        response.end((error as { code: string }).code);
      }
    },
  },
  'trailers that were not announced': {
    listener: (_, response) => {
      response.write('body');
      response.addTrailers({ 'x-sum': '4' });
      response.end();
    },
  },
  'cork and uncork': {
    listener: (_, response, note) => {
      response.cork();
      response.write('a');
      response.write('b');
      note('corked', response.writableCorked);
      setImmediate(() => {
        response.uncork();
        response.end('c');
      });
    },
    ends: ['corked'],
  },
  'a stream that is piped': {
    listener: (_, response) => Readable.from(['one', 'two', 'three']).pipe(response),
  },
  'a stream by pipeline': {
    listener: async (_, response, note) => {
      await pipeline(Readable.from(['one', 'two']), response);
      note('piped', flagsOf(response));
    },
    ends: ['piped'],
  },
  'several megabytes with drain': {
    listener: (_, response, note) => {
      const piece = Buffer.alloc(64 * 1024, 'x');
      let left = 64;
      let waits = 0;
      const more = () => {
        while (left > 0) {
          left -= 1;
          if (!response.write(piece)) {
            waits += 1;
            response.once('drain', more);
            return;
          }
        }
        note('had to wait', waits > 0);
        response.end();
      };
      more();
    },
    ends: ['had to wait'],
  },
  'several megabytes at once': {
    listener: (_, response) => response.end(Buffer.alloc(3 * 1024 * 1024, 'y')),
  },
  'a large text with all planes': {
    listener: (_, response) => response.end('\u00e9\u20ac\u{1f600}'.repeat(40_000)),
  },
  'what tells how full it is': {
    listener: (_, response, note) => {
      const tell = () =>
        note('state', [
          response.writableLength > 0,
          response.writableHighWaterMark,
          response.writableNeedDrain,
          response.writableObjectMode,
          response.writableCorked,
        ]);
      tell();
      response.write('a'.repeat(100_000));
      tell();
      response.once('drain', () => {
        note('needs drain', response.writableNeedDrain);
        response.end();
        note('over', response.writableEnded);
      });
    },
    ends: ['over'],
  },
};
