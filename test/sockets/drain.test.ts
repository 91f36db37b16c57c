/**
 * Open sockets at the planned end of their worker: first notified, at last cut.
 */
import { once } from 'node:events';
import { describe, expect, onTestFinished, test } from 'vitest';
import { WebSocket } from 'ws';
import { appFile, serveFile } from '../support/server.ts';
import { until } from '../support/until.ts';

const WS = import.meta.resolve('ws');

/** Echoes, and answers with the number of its worker. `more` has access to server and wss. */
const app = (more = '') =>
  appFile(`import http from 'node:http';
    import { WebSocketServer } from ${JSON.stringify(WS)};
    const server = http.createServer((request, response) => response.end('plain'));
    const wss = new WebSocketServer({ server });
    wss.on('connection', (socket) => socket.on('message', (data) => socket.send(String(data))));
    ${more}
    export default server;`);

async function open(port: number): Promise<WebSocket> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}`);
  onTestFinished(() => socket.terminate());
  socket.on('error', () => {});
  await once(socket, 'open');
  return socket;
}

const closed = async (socket: WebSocket) => {
  const [code, reason] = (await once(socket, 'close')) as [number, Buffer];
  return [code, String(reason)];
};

async function echo(socket: WebSocket, text: string): Promise<string> {
  socket.send(text);
  return String(((await once(socket, 'message')) as [Buffer])[0]);
}

describe('a reload', () => {
  test('closes WebSockets with 1012 through their own library, and new ones are served meanwhile', async () => {
    const { server, port } = await serveFile(app(), 2);
    const sockets = await Promise.all(Array.from({ length: 8 }, () => open(port)));
    const ends = Promise.all(sockets.map(closed));
    await server.reload();
    const fresh = await open(port);
    expect(await echo(fresh, 'hello')).toBe('hello');
    expect(await ends).toEqual(sockets.map(() => [1012, 'Service Restart']));
  });

  test('calls the hook shutdown before it closes the sockets', async () => {
    const { server, port } = await serveFile(
      app(
        `export const shutdown = (reason) => { for (const socket of wss.clients) socket.send('goodbye by ' + reason); };`,
      ),
      1,
    );
    const socket = await open(port);
    const told = once(socket, 'message');
    const end = closed(socket);
    await server.reload();
    expect(String(((await told) as [Buffer])[0])).toBe('goodbye by reload');
    expect(await end).toEqual([1012, 'Service Restart']);
  });

  test('cuts sockets that have not ended within drainSockets', async () => {
    const { server, port } = await serveFile(app(), 1, { drainSockets: 100 });
    const socket = await open(port);
    // The client reads no close frame, so it sends none.
    socket.pause();
    const exits = once(server, 'workerExit');
    const end = closed(socket);
    await server.reload();
    await exits;
    socket.resume();
    // The cut is a reset. The close frame was sent before it, and a client that has not read it may lose it.
    expect([1006, 1012]).toContain((await end)[0]);
  });
});

describe('a close of the server', () => {
  test('ends WebSockets with 1012 at once, and answers requests in flight', async () => {
    const { server, port } = await serveFile(
      app(
        `server.removeAllListeners('request').on('request', (request, response) => setTimeout(() => response.end('slow'), 200));`,
      ),
      2,
    );
    const sockets = await Promise.all(Array.from({ length: 4 }, () => open(port)));
    const ends = Promise.all(sockets.map(closed));
    const slow = fetch(`http://127.0.0.1:${port}`).then((answer) => answer.text());
    await until(() => server.stats().inFlight >= 5);
    const started = performance.now();
    await server.close();
    expect(await ends).toEqual(sockets.map(() => [1012, 'Service Restart']));
    expect(await slow).toBe('slow');
    expect(performance.now() - started).toBeLessThan(5000);
  });
});

describe('an uncaught error in a message handler', () => {
  const throws = {
    'thrown at once': "throw new Error('at once')",
    'thrown by a timer': "setTimeout(() => { throw new Error('by a timer'); })",
    'a rejection': "Promise.reject(new Error('rejected'))",
    'thrown behind an await': "setImmediate(async () => { await null; throw new Error('behind an await'); })",
  };
  const cases = Object.entries(throws).flatMap(([name, code]) =>
    [false, true].map(
      (deflate) => [name, deflate ? 'with permessage-deflate' : 'plain', code, deflate] as const,
    ),
  );

  test.each(cases)(
    '%s, %s: 1012 for every socket of its worker, at once (C17)',
    async (_, __, code, deflate) => {
      const { server, port } = await serveFile(
        appFile(`import http from 'node:http';
        import { WebSocketServer } from ${JSON.stringify(WS)};
        const server = http.createServer((request, response) => response.end('plain'));
        const wss = new WebSocketServer({ server, perMessageDeflate: ${deflate} });
        wss.on('connection', (socket) => socket.on('message', (data) => {
          socket.send(String(data).repeat(20_000));
          if (String(data) === 'fail') ${code};
        }));
        export default server;`),
        1,
      );
      const sockets = await Promise.all([open(port), open(port), open(port)]);
      const started = performance.now();
      const ends = Promise.all(sockets.map(closed));
      const exited = once(server, 'workerExit');
      const sent = once(sockets[0]!, 'message');
      sockets[0]!.send('fail');
      expect(await ends).toEqual(sockets.map(() => [1012, 'Service Restart']));
      await exited;
      // Messages sent before the error arrive before the close.
      expect(String(((await sent) as [Buffer])[0])).toBe('fail'.repeat(20_000));
      await server.close();
      expect(performance.now() - started).toBeLessThan(5000);
    },
  );

  test('a client that does not read is cut and delays nothing (C17)', async () => {
    const { server, port } = await serveFile(
      app(`wss.on('connection', (socket) => socket.on('message', (data) => {
        if (String(data) !== 'flood') return;
        for (let i = 0; i < 64; i++) socket.send('x'.repeat(1_000_000));
        throw new Error('in a flood');
      }));`),
      1,
    );
    const socket = await open(port);
    const exited = once(server, 'workerExit');
    const started = performance.now();
    socket.pause();
    socket.send('flood');
    await exited;
    expect(performance.now() - started).toBeLessThan(5000);
  });
});

test('a worker that crashes closes its sockets with 1006', async () => {
  const { port } = await serveFile(
    app(
      `wss.on('connection', (socket) => socket.on('message', (data) => String(data) === 'die' && process.exit(1)));`,
    ),
    1,
  );
  const socket = await open(port);
  const end = closed(socket);
  socket.send('die');
  expect(await end).toEqual([1006, '']);
});
