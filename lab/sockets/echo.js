/**
 * The measured program: a WebSocket server as users write it. It runs on Node and on this server.
 */
import http from 'node:http';
import { WebSocketServer } from 'ws';

const server = http.createServer();
const sockets = new WebSocketServer({ server });
sockets.on('connection', (socket) => {
  socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }));
  socket.on('error', () => {});
});
server.listen({ port: 0, host: '127.0.0.1', backlog: 4096 }, () =>
  console.log(`echo on http://127.0.0.1:${server.address().port}`),
);
