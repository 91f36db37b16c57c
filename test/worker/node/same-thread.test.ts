/**
 * The same comparison with the acceptor and the listener in one thread.
 */
import path from 'node:path';
import server, { cases } from './cases/app.ts';
import { compare } from './compare.ts';

const file = path.join(import.meta.dirname, 'cases', 'app.ts');

compare('with no threads', { cases, server, file }, { threads: 0 });
