/**
 * The application for tsgi-threads. `node examples/runaway/demo.js` runs it beside node:cluster. To run it alone:
 *
 *   npx tsgi-threads examples/runaway/app.ts --threads 2 --handler-timeout 1s --kill-grace 200ms
 *   curl http://127.0.0.1:8000/runaway
 *
 * This application does not await. A worker of an application that awaits holds several requests at once. If it enters
 * an endless loop, the requests that it holds also get 504. Requests that are still in the queue go to the other
 * workers.
 */
import { threadId } from 'node:worker_threads';
import type { Application } from 'tsgi-threads/tsgi';
import { page } from './logic.js';

const app: Application = (environ, startResponse) => {
  const text = page(environ.PATH_INFO, threadId);
  startResponse(200, [['content-type', 'text/plain; charset=utf-8']]);
  return text;
};

export default app;
