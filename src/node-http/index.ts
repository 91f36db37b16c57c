/**
 * `tsgi-threads/node`: `node:http` whose servers are ours, so that suites that start servers run against this one.
 *
 * Law: a door. What it does not replace is Node's.
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
