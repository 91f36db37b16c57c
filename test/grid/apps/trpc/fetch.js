import { fetchRequestHandler } from '@trpc/server/adapters/fetch';
import { appRouter } from './router.js';

export function fetch(req) {
  return fetchRequestHandler({ endpoint: '/', req, router: appRouter });
}
