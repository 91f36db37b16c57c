/**
 * A chat on the library ws.
 *
 *   node examples/chat-ws/server.js
 *   npx tsgi-threads examples/chat-ws/server.js --threads 2
 *
 * Each worker has its own sockets, so a message reaches the other workers through a channel. On plain Node there is one
 * process and no other subscriber.
 */
import { readFileSync } from 'node:fs';
import http from 'node:http';
import { channel } from 'tsgi-threads/channel';
import { WebSocket, WebSocketServer } from 'ws';

const KEPT = 100;
const page = readFileSync(new URL('page.html', import.meta.url));

const server = http.createServer((request, response) => {
  response.setHeader('content-type', 'text/html; charset=utf-8');
  response.end(page);
});
const sockets = new WebSocketServer({ server, path: '/chat' });
const workers = channel('chat');

/** The last messages by id. A client that connects or reconnects receives them. */
const said = new Map();

/** Whether the message is new: a page sends a message again if it has not received it back. */
function hear(line) {
  if (said.has(line.id)) return false;
  said.set(line.id, line);
  if (said.size > KEPT) said.delete(said.keys().next().value);
  return true;
}

function tell(line) {
  const text = JSON.stringify(line);
  for (const socket of sockets.clients) if (socket.readyState === WebSocket.OPEN) socket.send(text);
}

sockets.on('connection', (socket) => {
  for (const line of said.values()) socket.send(JSON.stringify(line));
  socket.on('error', () => {});
  socket.on('message', (data) => {
    const line = JSON.parse(String(data));
    if (hear(line)) workers.publish({ lines: [line] });
    tell(line);
  });
});

// A worker that has just started requests the last messages from the others.
workers.subscribe(({ lines }) => {
  if (lines === undefined) workers.publish({ lines: [...said.values()] });
  else lines.filter(hear).forEach(tell);
});
workers.publish({});

const port = process.env.PORT ?? 3000;
server.listen(port, () => console.log(`chat on http://127.0.0.1:${server.address().port}`));
