#!/usr/bin/env node
/**
 * The program `tsgi-threads`. It checks the version of Node before it loads anything else. An older Node cannot link the
 * other files, and its error would not show the reason.
 *
 * Law: imports nothing statically, and uses only syntax that Node 14 knows. The command line is `cli/run.ts`.
 */
/** Equal to `engines` in package.json; a test compares them. */
const OLDEST = [20, 19];

const [major, minor] = process.versions.node.split('.').map(Number);
if (major! < OLDEST[0]! || (major === OLDEST[0] && minor! < OLDEST[1]!)) {
  console.error(
    `tsgi-threads: needs Node.js ${OLDEST.join('.')} or later, and this is Node.js ${process.versions.node}. Install a newer Node.js.`,
  );
  process.exit(1);
}

import('./run.ts').then(({ main }) => main());
