/**
 * A chat on socket.io.
 *
 *   node examples/chat-socket-io/server.js
 *   npx tsgi-threads examples/chat-socket-io/server.js --threads 2 --affinity query:sid
 *
 * A client polls before it has a WebSocket, and its session is in the memory of one worker. The option `--affinity`
 * sends each request of the session to that worker.
 */
import { readFileSync } from 'node:fs';
import http from 'node:http';
import { Server } from 'socket.io';
import { betweenWorkers } from './adapter.js';

const KEPT = 100;
const page = readFileSync(new URL('page.html', import.meta.url));

const server = http.createServer((request, response) => {
  response.setHeader('content-type', 'text/html; charset=utf-8');
  response.end(page);
});
const io = new Server(server);
io.adapter(betweenWorkers);

/** The last messages by id. A client that connects or reconnects receives them. */
const said = new Map();

/** Whether the message is new: a page sends a message again if its acknowledgement is missing. */
function hear(line) {
  if (said.has(line.id)) return false;
  said.set(line.id, line);
  if (said.size > KEPT) said.delete(said.keys().next().value);
  return true;
}

io.on('connection', (socket) => {
  for (const line of said.values()) socket.emit('line', line);
  socket.on('say', (line, heard) => {
    if (hear(line)) {
      io.emit('line', line);
      io.serverSideEmit('heard', line);
    }
    heard();
  });
});

// A worker that has just started requests the last messages from the others.
io.on('heard', hear);
io.on('asked', () => io.serverSideEmit('lines', [...said.values()]));
io.on('lines', (lines) => lines.filter(hear).forEach((line) => io.local.emit('line', line)));
io.serverSideEmit('asked');

const port = process.env.PORT ?? 3000;
server.listen(port, () => console.log(`chat on http://127.0.0.1:${server.address().port}`));
