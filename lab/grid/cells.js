/**
 * The grid: the applications, the ways to start each, and the requests.
 *
 * Law: data. A new row needs a change in one place. The tests, `npm run grid` and the page of the grid read it.
 *
 * The properties of a row:
 * - `program`: the program that plain Node runs for comparison; `args` and `env` belong to it.
 * - `forms`: the files that this server runs, with the flags that each needs.
 * - `packages`: the packages whose versions the page shows.
 * - `quick`: true if development dependencies suffice. The row is then part of `npm test`.
 * - `project`: the folder of its package.json. Default: '.'.
 * - `built`: true if its `build` script must run first.
 * - `data`: files that the program may change; each start gets a copy.
 * - `folder`: the working directory of the program.
 * - `ignore`: parts of a response that differ between two starts of one program.
 */
import { FRAMEWORKS } from './frameworks.js';
import { NEXT, PUBLISHED } from './published.js';

export const CELLS = [...FRAMEWORKS, NEXT, ...PUBLISHED].map((cell) => ({ project: '.', ...cell }));
