/**
 * An Express application: its own ways to answer, on top of Node's API.
 */
import express from 'express';
import type { Case } from './case.ts';
import { END } from './host.ts';

const app = express();
app.set('env', 'test');
app.use((request, response, next) => (request.get('x-case') === END ? response.end('the end') : next()));
app.use(express.json(), express.urlencoded({ extended: true }), express.text());
app.get('/text', (_, response) => response.send('h\u00e9llo'));
app.get('/json', (_, response) => response.status(201).json({ a: [1, '\u20ac'] }));
app.get('/bytes', (_, response) => response.type('bin').send(Buffer.from([1, 2, 3])));
app.get('/redirect', (_, response) => response.redirect('/there?a=b'));
app.get('/cookies', (_, response) =>
  response.cookie('a', '1', { httpOnly: true }).cookie('b', 'x y').send('x'),
);
app.get('/status', (_, response) => response.sendStatus(418));
app.get('/format', (_, response) =>
  response.format({ json: () => response.json(1), text: () => response.send('t') }),
);
app.get('/fields', (_, response) =>
  response.append('Link', '<a>').append('Link', '<b>').vary('Accept').end(),
);
app.get('/request/:id', (request, response) => {
  const { ip, ips, protocol, secure, hostname, host, path, originalUrl, query, params, fresh, xhr } = request;
  response.json({ ip, ips, protocol, secure, hostname, host, path, originalUrl, query, params, fresh, xhr });
});
app.post('/body', (request, response) => response.json([request.body]));
app.get('/throws', () => {
  throw Object.assign(new Error('refused'), { status: 403, expose: true });
});
app.get('/rejects', async () => {
  await Promise.reject(Object.assign(new Error('not now'), { status: 503 }));
});
// Stacks contain the names of compiled files.
app.use((error: Error, _: express.Request, __: express.Response, next: express.NextFunction) => {
  error.stack = String(error);
  next(error);
});

export const requests: Record<string, Case['sends']> = {
  'send with its ETag': [{ target: '/text' }, { target: '/text', method: 'HEAD' }],
  'send that is fresh': {
    target: '/text',
    fields: ['If-None-Match: W/"6-ZbcDaG+zFABvz5sB3kTK4kYa1dM"', 'Cache-Control: max-age=0'],
  },
  json: { target: '/json' },
  bytes: { target: '/bytes' },
  redirect: [
    { target: '/redirect' },
    { target: '/redirect', fields: ['Accept: text/html'] },
    { target: '/redirect', method: 'HEAD' },
  ],
  cookies: { target: '/cookies' },
  sendStatus: { target: '/status' },
  format: [
    { target: '/format', fields: ['Accept: text/plain'] },
    { target: '/format', fields: ['Accept: image/png'] },
  ],
  'fields that are appended': { target: '/fields' },
  'what Express reads of a request': {
    target: '/request/a%20b?x=1&y[z]=2',
    fields: ['X-Requested-With: XMLHttpRequest', 'X-Forwarded-For: 192.0.2.1'],
  },
  'a body as JSON': body('application/json', '{"a":1}'),
  'a body that is no JSON': body('application/json', '{a'),
  'a body as a form': body('application/x-www-form-urlencoded', 'a=1&b=x+y'),
  'a body as text': body('text/plain', 'plain'),
  'a body too large': body('text/plain', 'x'.repeat(150_000)),
  'nothing found': [{ target: '/nowhere' }, { target: '/text', method: 'DELETE' }],
  OPTIONS: { target: '/text', method: 'OPTIONS' },
  'an error': [{ target: '/throws' }, { target: '/rejects' }],
};

function body(type: string, text: string) {
  return {
    target: '/body',
    method: 'POST',
    fields: [`Content-Type: ${type}`, `Content-Length: ${text.length}`],
    body: text,
  };
}

export default app;
