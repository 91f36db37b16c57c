/**
 * What both servers run: an answer at once, one that takes a tenth of a second of CPU, and one that never comes.
 */
const WORK_MILLISECONDS = 100;

/** The page at `path`, and who made it. */
export function page(path, worker) {
  if (path === '/runaway') runAway();
  if (path === '/work') work();
  return `Hello from worker ${worker}\n`;
}

/** The bug: in real life a regular expression, a parser's loop, a query with a million rows. */
function runAway() {
  while (true) {
    // Nothing on this thread runs again: no timer, no event, no other request.
  }
}

function work() {
  const end = performance.now() + WORK_MILLISECONDS;
  while (performance.now() < end);
}
