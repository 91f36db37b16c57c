/**
 * What a listener does, what it sees and what its client gets: the same as on node:http.
 */
import path from 'node:path';
import server, { cases } from './cases/app.ts';
import { compare } from './compare.ts';

const file = path.join(import.meta.dirname, 'cases', 'app.ts');

compare('in a worker', { cases, server, file }, { threads: 1 });
