/**
 * Reloads the code again and again under load. No request may fail.
 */
import { fileURLToPath } from 'node:url';
import { createServer } from '../../dist/index.js';
import { Load, wait } from './load.js';

const APP = fileURLToPath(new URL('./app.js', import.meta.url));
const silent = { error() {}, warn() {}, info() {} };

export async function reloads({ seed, reloads: wanted, requests, progress }) {
  const server = createServer(2, { app: APP, logger: silent });
  await server.listen({ port: 0 });
  const started = performance.now();
  const kinds = [
    ['/', 200],
    ['/await', 2],
    ['/stream', 1],
  ];
  const load = new Load({ port: server.address.port, connections: 64, seed, kinds, requests });
  const finished = load.finished();
  let over = false;
  void finished.then(() => (over = true));
  let done = 0;
  const problems = [];
  while (!over || done < wanted) {
    await server.reload().catch((error) => problems.push(`a reload failed: ${error.message}`));
    done += 1;
    progress(`${done} reloads, ${load.sent} requests`);
    // Spreads the reloads over the load at irregular times.
    const share = (performance.now() - started) / Math.max(1, load.sent);
    await wait(Math.max(0, Math.min(1000, (share * requests) / wanted - 150)));
  }
  const result = await finished;
  const { 200: good = 0, ...others } = result.statuses;
  for (const [status, count] of Object.entries(others)) problems.push(`${count} answers ${status}`);
  problems.push(...result.bad);
  await server.close();
  return { reloads: done, requests: good, seconds: (performance.now() - started) / 1000, problems };
}
