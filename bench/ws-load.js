/**
 * A generator of WebSocket messages in its own process: `node ws-load.js port connections seconds`.
 *
 * Each connection sends a message as soon as the echo of the last one has arrived. At the end the process prints the
 * number of echoes.
 *
 * The generator writes the same frame again and again and counts bytes, so that it costs less CPU than the server.
 */
import { once } from 'node:events';
import net from 'node:net';

const [port, connections, seconds] = process.argv.slice(2).map(Number);
const PAYLOAD = Buffer.alloc(64, 'x');
/** A mask of zeros leaves the payload unchanged. */
const SAID = Buffer.concat([Buffer.from([0x82, 0x80 | PAYLOAD.length, 0, 0, 0, 0]), PAYLOAD]);
const ECHO_LENGTH = 2 + PAYLOAD.length;
const HANDSHAKE =
  'GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n';

let echoes = 0;

async function open() {
  const socket = net.connect({ port, host: '127.0.0.1', noDelay: true });
  socket.write(HANDSHAKE);
  await once(socket, 'data');
  let bytes = 0;
  socket.on('data', (chunk) => {
    bytes += chunk.length;
    if (bytes < ECHO_LENGTH) return;
    bytes -= ECHO_LENGTH;
    echoes += 1;
    socket.write(SAID);
  });
  return socket;
}

const sockets = await Promise.all(Array.from({ length: connections }, open));
for (const socket of sockets) socket.write(SAID);
await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
console.log(echoes);
process.exit(0);
