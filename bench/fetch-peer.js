/**
 * The peer of the fetch handler: srvx on node:http in its fastest configuration.
 *
 * The global Response is replaced by srvx's own, which needs no stream for a string. The handler needs no change, so
 * both servers run the same file.
 */
import { FastResponse, serve } from 'srvx/node';

globalThis.Response = FastResponse;
const { default: app } = await import('./fetch-app.js');
const server = serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1', silent: true });
await server.ready();
console.log(server.url);
