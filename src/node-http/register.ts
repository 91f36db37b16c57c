/**
 * `node --import tsgi-threads/node/register`: tsgi-threads serves every `http.Server` of this process, whichever module makes
 * it. It is for test suites that cannot import `tsgi-threads/node`.
 *
 * Law: replaces methods of listening, and nothing else.
 */
/// <reference types="node" preserve="true" />
import http from 'node:http';
import { serveHere } from './node-http-server.ts';

serveHere(http.Server.prototype);
