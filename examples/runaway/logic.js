/**
 * The logic of both servers: one immediate response, one that takes a tenth of a second of CPU, and one that never
 * returns.
 */
const WORK_MILLISECONDS = 100;

/** The page at `path`. `worker` is the name of the worker that makes it. */
export function page(path, worker) {
  if (path === '/runaway') runAway();
  if (path === '/work') work();
  return `Hello from worker ${worker}\n`;
}

/** The bug. In practice it is a regular expression, a loop of a parser, or a query with a million rows. */
function runAway() {
  while (true) {
    // Nothing else runs on this thread again: no timer, no event, no other request.
  }
}

function work() {
  const end = performance.now() + WORK_MILLISECONDS;
  while (performance.now() < end);
}
