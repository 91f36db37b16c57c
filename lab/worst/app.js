/**
 * The application of the served paths of `npm run worst`: it reads, answers late, writes in small pieces, and takes
 * connections over.
 *
 * Law: a plain program for node:http; knows no path by name.
 */
import http from 'node:http';
import { setImmediate as turn } from 'node:timers/promises';

/** More bytes than the kernel and the server buffer for a client that does not read. */
const BLOCK = Buffer.alloc(8 * 1024 * 1024);
let dripped = Promise.resolve();

/** Writes this number of bytes, each in its own turn, without waiting. */
async function drip(response, count) {
  response.write(BLOCK);
  for (let i = 0; i < count; i++) {
    response.write('x');
    await turn();
  }
  response.end();
}

const server = http.createServer((request, response) => {
  const { pathname, searchParams } = new URL(request.url.slice(0, 100), 'http://h');
  if (pathname === '/drip') return void (dripped = drip(response, Number(searchParams.get('n'))));
  if (pathname === '/dripped') return void dripped.then(() => response.end());
  if (pathname === '/writes') {
    for (let left = Number(searchParams.get('n')); left > 0; left--) response.write('x');
    return response.end();
  }
  if (request.method !== 'POST') return response.end('ok');
  const parts = [];
  request.on('data', (part) => parts.push(part));
  request.on('end', () => response.end(pathname === '/echo' ? Buffer.concat(parts) : 'ok'));
});

/**
 * A protocol with one message each way. The application reads the client's to its end, or writes `n` bytes one by one.
 */
server.on('upgrade', (request, socket) => {
  socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: bytes\r\n\r\n');
  const { searchParams } = new URL(request.url, 'http://h');
  for (let left = Number(searchParams.get('n') ?? 0); left > 0; left--) socket.write('x');
  if (searchParams.has('n')) return socket.end();
  let left = Number(searchParams.get('reads'));
  socket.on('data', (bytes) => {
    left -= bytes.length;
    if (left <= 0) socket.end();
  });
});

export default server;
