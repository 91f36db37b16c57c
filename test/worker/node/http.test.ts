/**
 * Compares a listener's actions, its view and its client's bytes with node:http.
 */
import path from 'node:path';
import server, { cases } from './cases/app.ts';
import customServer, { cases as customCases } from './cases/custom.ts';
import { compare } from './compare.ts';

const file = (name: string) => path.join(import.meta.dirname, 'cases', name);

compare('in a worker', { cases, server, file: file('app.ts') }, { threads: 1 });
compare(
  'with options',
  { cases: customCases, server: customServer, file: file('custom.ts') },
  { threads: 1 },
);
