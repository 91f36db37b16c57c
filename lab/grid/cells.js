/**
 * The grid: applications, how each is started, what it is asked.
 *
 * Law: data; a row is added in one place, and the tests, `npm run grid` and docs/internals/grid.md have it.
 *
 * A row: `program` is what plain Node runs for comparison, and `forms` what this server runs, with the flags it needs;
 * `args` and `env` are the program's. `packages` are those whose versions are told. `quick`: it needs development
 * dependencies alone, and is part of `npm test`. `project`: the folder of its package.json, '.' unless told otherwise;
 * `built`: its `build` script comes first. `data`: files that it may change, of which each start gets a copy; `folder`:
 * where it wants to be started. `ignore`: what two starts of one program make differently.
 */
import { FRAMEWORKS } from './frameworks.js';
import { NEXT, PUBLISHED } from './published.js';

export const CELLS = [...FRAMEWORKS, NEXT, ...PUBLISHED].map((cell) => ({ project: '.', ...cell }));
