/**
 * The same handlers for every server that is measured. The variable `kind` selects the interface.
 */
const spin = (milliseconds) => {
  const end = performance.now() + milliseconds;
  while (performance.now() < end);
};

/** Milliseconds spent in handlers so far. */
let busy = 0;

export const handlers = {
  hello: () => 'Hello, World!\n',
  cpu5: (path) => {
    const now = performance.now();
    if (path === '/busy') return JSON.stringify({ busy, now });
    if (path === '/quick') return 'done\n';
    spin(5);
    busy += performance.now() - now;
    return 'done\n';
  },
  mixed: (path) => {
    if (path === '/slow') spin(120);
    return 'done\n';
  },
  awaits: async () => {
    await new Promise((resolve) => setTimeout(resolve, 5));
    spin(20);
    return 'done\n';
  },
  mortal: (path) => {
    if (path === '/exit') process.exit(1);
    if (path === '/kill') process.kill(process.pid, 'SIGKILL');
    return 'done\n';
  },
};

const handler = handlers[process.env.BENCH_KIND ?? 'hello'];

/** TSGI. */
export default (environ, startResponse) => {
  const body = handler(environ.PATH_INFO);
  startResponse(200, [['content-type', 'text/plain; charset=utf-8']]);
  return body;
};

/** node:http. */
export async function listener(request, response) {
  const pending = handler(request.url);
  const body = typeof pending === 'string' ? pending : await pending;
  response.setHeader('content-type', 'text/plain; charset=utf-8');
  response.setHeader('content-length', body.length);
  response.end(body);
}
