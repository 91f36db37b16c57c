/**
 * The peer of the fetch handler: srvx on node:http, at its best. Its own Response, which needs no stream for a string,
 * stands in for the global one; no access to it is needed in the handler, so both servers run the same file.
 */
import { FastResponse, serve } from 'srvx/node';

globalThis.Response = FastResponse;
const { default: app } = await import('./fetch-app.js');
const server = serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1', silent: true });
await server.ready();
console.log(server.url);
