/**
 * The same handler on node:http through Hono's adapter.
 *
 *   node markdown/node.js
 */
import { serve } from '@hono/node-server';
import app from './app.js';

serve({ fetch: app.fetch, port: Number(process.env.PORT ?? 3000) }, ({ port }) => {
  console.log(`Markdown on http://127.0.0.1:${port}`);
});
