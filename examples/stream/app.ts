/**
 * Server-sent events: ten ticks, one each 100 ms. Each is sent before the next is made.
 *
 *   npx tsgi-threads examples/stream/app.ts
 *   curl -N http://127.0.0.1:8000/
 */
import { setTimeout as wait } from 'node:timers/promises';
import type { Application } from 'tsgi-threads/tsgi';

async function* ticks(signal: AbortSignal): AsyncGenerator<string> {
  for (let tick = 1; tick <= 10; tick++) {
    yield `event: tick\ndata: ${tick}\n\n`;
    // Ends the producer as soon as the client disconnects.
    await wait(100, undefined, { signal });
  }
}

const app: Application = (environ, startResponse) => {
  startResponse(200, [
    ['content-type', 'text/event-stream'],
    ['cache-control', 'no-store'],
  ]);
  return ticks(environ['tsgi.signal']);
};

export default app;
