/**
 * What workers that have ended leave behind in the process: nothing that grows with their number.
 */
import { expect, test } from 'vitest';
import { appFile, serveFile, serve } from '../support/server.ts';
import { until } from '../support/until.ts';

/** Shared memory that this process still holds. V8 counts what it has not collected yet, too. */
function sharedBytes(): number {
  return process.memoryUsage().arrayBuffers;
}

/** One worker's two rings. */
const WORKER_BYTES = 2 * 1024 * 1024;

test('reloads reuse the memory of the workers that they replace (A13)', async () => {
  const app = appFile("export default (environ, startResponse) => { startResponse(200, []); return 'ok'; };");
  const { port, server } = await serveFile(app, 2);
  await server.reload();
  const before = sharedBytes();
  for (let i = 0; i < 10; i++) {
    await server.reload();
    expect(await (await fetch(`http://127.0.0.1:${port}/`)).text()).toBe('ok');
  }
  // Twenty workers have ended. At most two of them still lend their memory to a thread that is about to exit.
  expect(sharedBytes() - before).toBeLessThan(5 * WORKER_BYTES);
});

test('a worker that takes over the memory of one that exited sees none of its bytes (A13)', async () => {
  const { port, server, log } = await serve(
    `if (environ.PATH_INFO === '/exit') { process.stdout.write('last words\\n'); process.exit(3); }
     if (environ.PATH_INFO === '/loop') { const end = Date.now() + 10_000; while (Date.now() < end); }
     startResponse(200, []);
     return 'x'.repeat(300_000) + environ.PATH_INFO;`,
    1,
    { handlerTimeout: '200ms', killGrace: '100ms' },
  );
  const before = sharedBytes();
  for (let i = 0; i < 8; i++) {
    const url = `http://127.0.0.1:${port}`;
    // The exit happens while the ring holds another response, and leaves its positions anywhere.
    const [large] = await Promise.all([fetch(`${url}/${i}`), fetch(`${url}/exit`)]);
    const text = await large.text().catch(() => 'broken off');
    if (large.status === 200 && text !== 'broken off') expect(text.slice(300_000)).toBe(`/${i}`);
    await until(() => server.stats().workers === 1);
  }
  expect(sharedBytes() - before).toBeLessThan(5 * WORKER_BYTES);
  log.length = 0;
  expect((await fetch(`http://127.0.0.1:${port}/loop`)).status).toBe(504);
  await until(() => log.some((line) => line.includes('/loop')));
  expect(log.join('\n')).not.toContain('last words');
});
