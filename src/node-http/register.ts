/**
 * `node --import tsgi-threads/node/register`: every `http.Server` of this process is served by this server, whoever makes
 * it; for suites that cannot be told to import `tsgi-threads/node`.
 *
 * Law: replaces methods of listening, and nothing else.
 */
/// <reference types="node" preserve="true" />
import http from 'node:http';
import { serveHere } from './node-http-server.ts';

serveHere(http.Server.prototype);
