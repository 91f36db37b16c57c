#!/usr/bin/env node
/**
 * The program `tsgi-threads`. It looks at the version of Node before it loads anything else: an older Node cannot link the
 * other files, and its error would name an export of Node's instead of the reason.
 *
 * Law: imports nothing statically, and uses no syntax that Node 14 does not know. The command line is `cli/run.ts`.
 */
/** `engines` of package.json; a test compares them. */
const OLDEST = [20, 19];

const [major, minor] = process.versions.node.split('.').map(Number);
if (major! < OLDEST[0]! || (major === OLDEST[0] && minor! < OLDEST[1]!)) {
  console.error(
    `tsgi-threads: needs Node.js ${OLDEST.join('.')} or later, and this is Node.js ${process.versions.node}. Install a newer Node.js.`,
  );
  process.exit(1);
}

import('./run.ts').then(({ main }) => main());
