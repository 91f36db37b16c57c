/**
 * The same application on node:cluster, written with care. The primary replaces a worker that dies, and a late handler
 * gets 504. `node examples/runaway/demo.js` runs it beside tsgi-threads. To run it alone:
 *
 *   node examples/runaway/cluster.js
 *
 * Still missing is a primary that checks that each worker responds, and kills a worker that does not. The module
 * node:cluster has no such check, and a kill costs every request and every connection of that process.
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
    // This timer helps against a slow database, but not against a loop: the loop occupies the thread that runs timers.
    const timer = setTimeout(() => send(response, 504, 'Gateway Timeout\n'), HANDLER_TIMEOUT);
    response.once('close', () => clearTimeout(timer));
    send(response, 200, page(request.url, process.pid));
  });
  server.listen(0, '127.0.0.1');
}

function send(response, status, text) {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' }).end(text);
}

/** For the demo only. A worker in a loop does not notice that its primary was killed. */
function endWorkers() {
  for (const { process: child } of Object.values(cluster.workers)) child.kill('SIGKILL');
  process.exit(1);
}
