/**
 * The smallest application.
 *
 *   npx tsgi-threads examples/hello/app.ts
 */
import type { Application } from 'tsgi-threads/tsgi';

const app: Application = (_environ, startResponse) => {
  startResponse(200, [['content-type', 'text/plain; charset=utf-8']]);
  return 'Hello, World!\n';
};

export default app;
