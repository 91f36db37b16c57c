/**
 * The same application on node:http through the standard's adapter.
 *
 *   node password/node.js
 */
import { createServer } from 'node:http';
import { toNodeListener } from 'tsgi-threads/tsgi';
import app from './app.js';

const server = createServer(toNodeListener(app));
server.listen(process.env.PORT ?? 3000, () => {
  console.log(`Passwords on http://127.0.0.1:${server.address().port}`);
});
