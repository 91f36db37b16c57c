/**
 * A server in its own process. It reports its memory and its figures when it receives a message.
 */
import { createServer } from 'tsgi-threads';

const { app, options } = JSON.parse(process.argv[2]);
const quiet = () => {};
const server = createServer(1, { ...options, app, logger: { error: quiet, warn: quiet, info: quiet } });
await server.listen({ port: 0 });
process.on('disconnect', () => process.exit());
process.on('message', async (collect) => {
  // V8 frees the garbage of a collection concurrently, and by the next collection at the latest.
  for (let i = 0; i < 3 && collect; i++) {
    globalThis.gc();
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  const { rss, arrayBuffers } = process.memoryUsage();
  const { user, system } = process.cpuUsage();
  process.send({ rss, arrayBuffers, cpu: (user + system) / 1000, ...server.stats() });
});
process.send({ port: server.address.port });
