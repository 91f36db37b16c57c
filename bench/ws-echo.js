/**
 * The measured program: an echo server with the library ws, on node:http or in workers.
 */
import http from 'node:http';
import { WebSocketServer } from 'ws';

const server = http.createServer();
new WebSocketServer({ server }).on('connection', (socket) => {
  socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }));
});
server.listen(0, '127.0.0.1', () => console.log(`http://127.0.0.1:${server.address().port}`));
