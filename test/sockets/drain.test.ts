/**
 * What becomes of open sockets when their worker ends by plan: told first, cut last.
 */
import { once } from 'node:events';
import { describe, expect, onTestFinished, test } from 'vitest';
import { WebSocket } from 'ws';
import { appFile, serveFile } from '../support/server.ts';

const WS = import.meta.resolve('ws');

/** Echoes, and says which worker it is; `more` sees server, wss. */
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
  test('closes WebSockets with 1012 by their own library, and new ones are served meanwhile', async () => {
    const { server, port } = await serveFile(app(), 2);
    const sockets = await Promise.all(Array.from({ length: 8 }, () => open(port)));
    const ends = Promise.all(sockets.map(closed));
    await server.reload();
    const fresh = await open(port);
    expect(await echo(fresh, 'hello')).toBe('hello');
    expect(await ends).toEqual(sockets.map(() => [1012, 'Service Restart']));
  });

  test('calls the hook shutdown before it closes them', async () => {
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

  test('cuts what has not ended within drainSockets', async () => {
    const { server, port } = await serveFile(app(), 1, { drainSockets: 100 });
    const socket = await open(port);
    // It reads no close frame, so it answers none.
    socket.pause();
    const exits = once(server, 'workerExit');
    const end = closed(socket);
    await server.reload();
    await exits;
    socket.resume();
    expect((await end)[0]).toBe(1012);
  });
});

describe('a close of the server', () => {
  test('ends WebSockets with 1012 at once, and answers what is in flight', async () => {
    const { server, port } = await serveFile(
      app(
        `server.removeAllListeners('request').on('request', (request, response) => setTimeout(() => response.end('slow'), 200));`,
      ),
      2,
    );
    const sockets = await Promise.all(Array.from({ length: 4 }, () => open(port)));
    const ends = Promise.all(sockets.map(closed));
    const slow = fetch(`http://127.0.0.1:${port}`).then((answer) => answer.text());
    while (server.stats().inFlight < 5) await new Promise((resolve) => setImmediate(resolve));
    const started = performance.now();
    await server.close();
    expect(await ends).toEqual(sockets.map(() => [1012, 'Service Restart']));
    expect(await slow).toBe('slow');
    expect(performance.now() - started).toBeLessThan(5000);
  });
});

test('a worker that crashes is 1006', async () => {
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
