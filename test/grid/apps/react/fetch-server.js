import { serve } from '@hono/node-server';
import handler from './fetch.js';

serve({ fetch: handler.fetch, port: 3000 });
