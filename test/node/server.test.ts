/**
 * `tsgi-threads/node` instead of `node:http`, as test suites use it.
 */
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import nodeHttp from 'node:http';
import net from 'node:net';
import express from 'express';
import http, { createServer } from 'tsgi-threads/node';
import request from 'supertest';
import { describe, expect, onTestFinished, test } from 'vitest';
import { appFile } from '../support/server.ts';

function open(server: nodeHttp.Server): nodeHttp.Server {
  onTestFinished(() => void server.close());
  return server;
}

const portOf = (server: nodeHttp.Server) => (server.address() as net.AddressInfo).port;
const urlOf = (server: nodeHttp.Server) => `http://127.0.0.1:${portOf(server)}`;

describe('listen', () => {
  test('returns its address at once, and answers from the first connection on', async () => {
    const seen: unknown[] = [];
    const server = open(createServer((request, response) => response.end(`here ${request.url}`)));
    server.on('listening', () => seen.push('event'));
    expect(server.listen(0, () => seen.push('callback'))).toBe(server);
    expect([server.listening, portOf(server) > 0, seen]).toEqual([true, true, []]);
    expect(await (await fetch(`${urlOf(server)}/a`)).text()).toBe('here /a');
    expect(seen).toEqual(['event', 'callback']);
  });

  test('uses the parser of this project', async () => {
    const server = open(createServer((_, response) => response.end()).listen(0));
    const socket = net.connect(portOf(server), '127.0.0.1');
    // Node's parser accepts two Host fields.
    socket.end('GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n');
    const [answer] = (await once(socket.setEncoding('latin1'), 'data')) as [string];
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
  });

  test('keeps the closure of its listener, and its server is an http.Server', async () => {
    let calls = 0;
    const server = open(new http.Server((_, response) => response.end(String(++calls))));
    expect(server).toBeInstanceOf(nodeHttp.Server);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    expect([await (await fetch(urlOf(server))).text(), await (await fetch(urlOf(server))).text()]).toEqual([
      '1',
      '2',
    ]);
    expect(calls).toBe(2);
  });

  test('a port in use causes Node’s error', async () => {
    const other = net.createServer().listen(0);
    await once(other, 'listening');
    onTestFinished(() => void other.close());
    const server = createServer().listen((other.address() as net.AddressInfo).port);
    const [error] = (await once(server, 'error')) as [NodeJS.ErrnoException];
    expect([error.code, server.listening, server.address()]).toEqual(['EADDRINUSE', false, null]);
  });

  test('a second call without a close causes an error', () => {
    const server = open(createServer().listen(0));
    expect(() => server.listen(0)).toThrow(/called more than once/);
  });
});

describe('close', () => {
  test('calls back when its responses are finished, and frees the port', async () => {
    const server = createServer((_, response) => {
      server.close(() => seen.push('closed'));
      setTimeout(() => {
        seen.push('answered');
        response.end('late');
      }, 20);
    });
    const seen: string[] = [];
    server.listen(0);
    const port = portOf(server);
    expect(await (await fetch(urlOf(server))).text()).toBe('late');
    if (!seen.includes('closed')) await once(server, 'close');
    expect([seen, server.listening, server.address()]).toEqual([['answered', 'closed'], false, null]);
    const [error] = (await once(net.connect(port, '127.0.0.1'), 'error')) as [NodeJS.ErrnoException];
    expect(error.code).toBe('ECONNREFUSED');
  });

  test('works directly after listen, and before another listen', async () => {
    const server = createServer((_, response) => response.end('again'));
    server.listen(0);
    server.close();
    await once(server, 'close');
    open(server).listen(0);
    expect(await (await fetch(urlOf(server))).text()).toBe('again');
  });

  test('closeAllConnections aborts hanging responses', async () => {
    const server = createServer(() => {});
    server.listen(0);
    const asked = once(server, 'request');
    const answer = fetch(urlOf(server));
    answer.catch(() => {});
    await asked;
    server.close();
    server.closeAllConnections();
    await Promise.all([once(server, 'close'), expect(answer).rejects.toThrow()]);
  });

  test('a hundred servers one after the other leave nothing open', async () => {
    const before = process.getActiveResourcesInfo().length;
    for (let i = 0; i < 100; i++) {
      const server = createServer((_, response) => response.end('x')).listen(0);
      await (await fetch(urlOf(server), { headers: { connection: 'close' } })).text();
      server.close();
      await once(server, 'close');
    }
    // The agent of fetch may keep a few connections.
    expect(process.getActiveResourcesInfo().length - before).toBeLessThan(20);
  });
});

test('node --import tsgi-threads/node/register puts this server below an unmodified program', () => {
  const file = appFile(`import http from 'node:http';
    import net from 'node:net';
    const server = http.createServer((request, response) => response.end('x')).listen(0, () => {
      const socket = net.connect(server.address().port, () => socket.end('GET / HTTP/1.1\\r\\nhost: a\\r\\nhost: b\\r\\n\\r\\n'));
      socket.setEncoding('latin1').on('data', (text) => console.log(text.slice(0, 12))).on('close', () => server.close());
    });`);
  const register = import.meta.resolve('tsgi-threads/node/register');
  const { stdout, stderr, status } = spawnSync(process.execPath, ['--import', register, file], {
    encoding: 'utf8',
  });
  expect([stdout, stderr, status]).toEqual(['HTTP/1.1 400\n', '', 0]);
});

test.each([
  ['unref before listen', 'server.unref().listen(0)'],
  ['unref behind listen', 'server.listen(0).unref()'],
  ['unref, a request, unref again', 'server.listen(0, ask)'],
])('a server does not keep its process alive: %s (C36)', (_, start) => {
  const file = appFile(`import http from 'node:http';
    const server = http.createServer((request, response) => response.end('x'));
    const ask = () => http.get({ port: server.address().port, agent: false }, (answer) => {
      answer.resume().on('end', () => server.ref().unref());
    });
    ${start};
    process.on('exit', () => console.log(server.listening));`);
  const register = import.meta.resolve('tsgi-threads/node/register');
  for (const args of [[file], ['--import', register, file]]) {
    const { stdout, stderr, status } = spawnSync(process.execPath, args, {
      encoding: 'utf8',
      timeout: 10_000,
    });
    expect([stdout, stderr, status]).toEqual(['true\n', '', 0]);
  }
});

test('supertest closes the server that it started, and the process ends (C31)', () => {
  const file = appFile(`import { createRequire } from 'node:module';
    const request = createRequire(${JSON.stringify(import.meta.filename)})('supertest');
    const { body } = await request((_, response) => response.writeHead(200, { 'content-type': 'application/json' }).end('[1]')).get('/');
    console.log(JSON.stringify(body));`);
  const register = import.meta.resolve('tsgi-threads/node/register');
  const { stdout, stderr, status } = spawnSync(process.execPath, ['--import', register, file], {
    encoding: 'utf8',
    timeout: 10_000,
  });
  expect([stdout, stderr, status]).toEqual(['[1]\n', '', 0]);
});

test('Express’s own listen uses this server', async () => {
  const app = express();
  app.use(express.json());
  app.post('/echo', (request, response) => void response.status(201).json(request.body));
  const server = open(createServer(app).listen(0));
  const answer = await fetch(`${urlOf(server)}/echo`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{"a":[1]}',
  });
  expect([answer.status, await answer.json()]).toEqual([201, { a: [1] }]);
});

describe('supertest', () => {
  const app = express();
  app.use(express.json());
  app.get('/user', (_, response) => void response.json({ name: 'john' }));
  app.post('/user', (request, response) => void response.status(201).send(request.body));
  app.get('/redirect', (_, response) => void response.redirect('/user'));
  const server = createServer(app);

  test('starts and stops the server by itself', async () => {
    await request(server).get('/user').expect('content-type', /json/).expect(200, { name: 'john' });
    await request(server).post('/user').send({ a: 1 }).expect(201, { a: 1 });
    await request(server).get('/redirect').redirects(1).expect(200);
    expect(server.listening).toBe(false);
  });

  test('serves many at once', async () => {
    const own = open(createServer(app).listen(0));
    const asked = Array.from({ length: 50 }, () => request(own).get('/user').expect(200, { name: 'john' }));
    await Promise.all(asked);
  });
});
