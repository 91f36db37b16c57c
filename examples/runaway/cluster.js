/**
 * The application as node:cluster serves it, written with care: a worker that dies is replaced, a handler that is late
 * is answered 504. `node examples/runaway/demo.js` runs it beside tsgi-threads; by itself:
 *
 *   node examples/runaway/cluster.js
 *
 * What is missing is a primary that asks each worker for a sign of life and kills the one that gives none. node:cluster
 * brings none, and killing costs every request and every connection of that process.
 */
import cluster from 'node:cluster';
import http from 'node:http';
import { clearTimeout } from 'node:timers';
import { page } from './logic.js';

const WORKERS = 2;
const HANDLER_TIMEOUT = 1000;

if (cluster.isPrimary) primary();
else worker();

function primary() {
  let listening = 0;
  cluster.on('fork', ({ process: { pid } }) => console.log(`worker ${pid}`));
  cluster.on('exit', () => cluster.fork());
  cluster.on('listening', (_, { port }) => {
    listening += 1;
    if (listening === WORKERS) console.log(`listening on http://127.0.0.1:${port}`);
  });
  for (let i = 0; i < WORKERS; i++) cluster.fork();
  process.once('disconnect', endWorkers);
}

function worker() {
  const server = http.createServer((request, response) => {
    // Of use against a slow database, of none against a loop: the timer needs the thread that the loop keeps.
    const timer = setTimeout(() => send(response, 504, 'Gateway Timeout\n'), HANDLER_TIMEOUT);
    response.once('close', () => clearTimeout(timer));
    send(response, 200, page(request.url, process.pid));
  });
  server.listen(0, '127.0.0.1');
}

function send(response, status, text) {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' }).end(text);
}

/** For the demo alone, should it be killed: a worker in a loop does not notice that its primary is gone. */
function endWorkers() {
  for (const { process: child } of Object.values(cluster.workers)) child.kill('SIGKILL');
  process.exit(1);
}
