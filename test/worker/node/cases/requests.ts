/**
 * A listener's view of the head of a request.
 */
import type { IncomingMessage } from 'node:http';
import { type Cases, type Listener, serverOf } from './case.ts';

const head: Listener = (request, response) => response.end(JSON.stringify(headOf(request)));

function headOf(request: IncomingMessage): unknown {
  const { method, url, httpVersion, httpVersionMajor, httpVersionMinor, headers, headersDistinct } = request;
  const { rawHeaders, trailers, rawTrailers, statusCode, statusMessage, upgrade } =
    request as IncomingMessage & {
      upgrade: unknown;
    };
  return {
    ...{ method, url, httpVersion, httpVersionMajor, httpVersionMinor, headers, headersDistinct },
    ...{ rawHeaders, trailers, rawTrailers, statusCode, statusMessage, upgrade },
  };
}

/** Fields of which Node keeps only the first. */
const ONCE = [
  ...['Age', 'Authorization', 'Content-Type', 'ETag', 'Expires', 'From', 'If-Modified-Since'],
  ...['If-Unmodified-Since', 'Last-Modified', 'Location', 'Max-Forwards', 'Proxy-Authorization', 'Referer'],
  ...['Retry-After', 'Server', 'User-Agent'],
];

export const requests: Cases = {
  'a plain head': { sends: { fields: ['Accept: text/html', 'X-Own: a'] }, listener: head },
  'names with underscores and in any case': {
    sends: { fields: ['X_Under: a', 'x-UPPER: b', "weird!#$%&'*+-.^_`|~: c"] },
    listener: head,
  },
  'fields that are repeated': {
    sends: {
      fields: [
        'Accept: a',
        'accept: b',
        'X-Own: 1',
        'x-own: 2',
        'Cookie: a=1',
        'Cookie: b=2',
        'Via: x',
        'Via: y',
      ],
    },
    listener: head,
  },
  'fields that are repeated and stand once': {
    sends: { fields: ONCE.flatMap((name) => [`${name}: first`, `${name}: second`]) },
    listener: head,
  },
  'Set-Cookie in a request': { sends: { fields: ['Set-Cookie: a=1', 'Set-Cookie: b=2'] }, listener: head },
  'values in Latin-1, empty and with space': {
    sends: { fields: ['X-Latin: caf\xe9', 'X-Empty:', 'X-Space:   a  b   ', 'X-Tab:\ta\t'] },
    listener: head,
  },
  'fields named as properties of objects': {
    sends: { fields: ['__proto__: a', 'constructor: b', 'hasOwnProperty: c', 'toString: d'] },
    listener: head,
  },
  'many fields': { sends: { fields: Array.from({ length: 90 }, (_, i) => `x-${i}: ${i}`) }, listener: head },
  'a target with everything': { sends: { target: '/a%20b//../%FF;x?y=1&y=2?z' }, listener: head },
  'a target that starts with two slashes': { sends: { target: '//other.example/x' }, listener: head },
  'a target in absolute-form': { sends: { target: 'http://other.example:81/a?b' }, listener: head },
  'OPTIONS *': { sends: { method: 'OPTIONS', target: '*' }, listener: head },
  'other methods': {
    sends: ['DELETE', 'PATCH', 'PROPFIND', 'M-SEARCH', 'PURGE', 'TRACE'].map((method) => ({ method })),
    listener: head,
  },
  'HTTP/1.0 without Host': { sends: { version: '1.0', host: [] }, listener: head },
  'Host with a port': { sends: { host: ['host: Example.COM:8080'] }, listener: head },
  'fields that speak of the connection': {
    sends: { fields: ['TE: trailers', 'Keep-Alive: 5', 'Proxy-Authorization: x', 'Proxy: x'] },
    listener: head,
  },
  'an upgrade nobody listens for': {
    sends: { fields: ['Connection: upgrade, close', 'Upgrade: h2c', 'HTTP2-Settings: x'] },
    listener: head,
  },
  'fields that a listener changes': {
    listener: (request, response) => {
      request.headers['x-added'] = 'a';
      delete request.headers.host;
      request.url = '/changed';
      request.method = 'PUT';
      response.end(JSON.stringify([request.headers, request.url, request.method]));
    },
  },
  pipelined: {
    sends: [
      { target: '/1' },
      { method: 'POST', target: '/2', fields: ['Content-Length: 3'], body: 'abc' },
      { target: '/3', method: 'HEAD' },
      { method: 'POST', target: '/4', fields: ['Transfer-Encoding: chunked'], body: '2\r\nab\r\n0\r\n\r\n' },
      { target: '/5' },
    ],
    listener: (request, response) => {
      let text = '';
      request.setEncoding('utf8').on('data', (part: string) => (text += part));
      request.on('end', () => setImmediate(() => response.end(`${request.method} ${request.url} ${text}`)));
    },
  },
  'what a request is': {
    listener: (request, response) => {
      const { aborted, complete, destroyed, readable, readableFlowing, readableHighWaterMark } = request;
      const { readableEncoding, readableEnded, readableLength, readableObjectMode } = request;
      response.end(
        JSON.stringify([
          [aborted, complete, destroyed, readable, readableFlowing, readableHighWaterMark],
          [readableEncoding, readableEnded, readableLength, readableObjectMode],
          [request.socket === request.connection, request.socket === response.socket],
          [response.req === request, response.socket === response.connection],
          [request.constructor.name, response.constructor.name, typeof serverOf(request).emit],
        ]),
      );
    },
  },
};
