/**
 * The memory that ended workers leave in the process does not grow with their number.
 */
import { expect, test } from 'vitest';
import { appFile, serveFile, serve } from '../support/server.ts';
import { until } from '../support/until.ts';

/** Shared memory that this process still holds, including memory that V8 has not collected yet. */
function sharedBytes(): number {
  return process.memoryUsage().arrayBuffers;
}

/** The two rings of one worker. */
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
  // Twenty workers have ended. At most two threads that are about to exit still use the memory of their workers.
  expect(sharedBytes() - before).toBeLessThan(5 * WORKER_BYTES);
});

test('a worker that reuses the memory of an exited worker sees none of its bytes (A13)', async () => {
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
    // The exit happens while the ring holds another response, so its positions can have any value.
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
