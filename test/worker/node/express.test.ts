/**
 * Compares Express on this server with Express on node:http.
 */
import http from 'node:http';
import path from 'node:path';
import app, { requests } from './cases/express.ts';
import { compare } from './compare.ts';

const file = path.join(import.meta.dirname, 'cases', 'express.ts');
const cases = Object.fromEntries(Object.entries(requests).map(([name, sends]) => [name, { sends }]));

compare('Express', { cases, server: http.createServer(app), file }, { threads: 1 });
