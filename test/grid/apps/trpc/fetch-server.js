import { serve } from '@hono/node-server';
import { fetch } from './fetch.js';

serve({ fetch, port: 3000 });
