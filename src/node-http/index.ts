/**
 * `tsgi-threads/node`: the exports of `node:http`, with tsgi-threads in place of its servers. Test suites that start servers
 * then run against tsgi-threads.
 *
 * Law: a door. It replaces `Server` and `createServer`; every other export is Node's.
 */
/// <reference types="node" preserve="true" />
import http from 'node:http';
import { Server } from './node-http-server.ts';

export * from 'node:http';
export { Server };

/** See `http.createServer`. */
export const createServer: typeof http.createServer = (...args: unknown[]) =>
  new Server(...(args as ConstructorParameters<typeof Server>));

export default { ...http, Server, createServer };
