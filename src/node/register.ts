/**
 * `node --import tsgi-threads/node/register`: every `http.Server` of this process is served by this server, whoever makes
 * it; for suites that cannot be told to import `tsgi-threads/node`.
 *
 * Law: replaces one method, and nothing else.
 */
/// <reference types="node" preserve="true" />
import http from 'node:http';
import { replaceListen } from './server.ts';

replaceListen(http.Server.prototype);
