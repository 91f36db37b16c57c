/**
 * The peer: node:http in one process, or in node:cluster with WORKERS processes.
 */
import cluster from 'node:cluster';
import http from 'node:http';
import { listener } from './apps.js';

const workers = Number(process.env.WORKERS ?? 0);
if (workers > 0 && cluster.isPrimary) {
  let listening = 0;
  for (let i = 0; i < workers; i++) cluster.fork();
  cluster.on('listening', (_, { port }) => {
    listening += 1;
    if (listening === workers) console.log(`http://127.0.0.1:${port}`);
  });
} else {
  const server = http.createServer(listener);
  server.listen(
    0,
    '127.0.0.1',
    () => cluster.isPrimary && console.log(`http://127.0.0.1:${server.address().port}`),
  );
}
