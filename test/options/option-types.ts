/**
 * Options that compile, and options that do not. `npm run types` compiles this file, and `scripts/check-package.js`
 * compiles it against the packed package with each version of TypeScript. It is never run.
 */
import { createServer, type Duration, type ServerOptions, type Size } from 'tsgi-threads';

const app = './app.ts';

createServer({ app });
createServer({ app, threads: 4, handlerTimeout: '30s', maxBodySize: '10MiB' });
createServer({ app, threads: 'auto', handlerTimeout: 30_000, maxBodySize: 10 * 1024 });
createServer({
  app: new URL('file:///app.ts'),
  killGrace: '1.5s',
  headersTimeout: '500ms',
  requestTimeout: '2m',
});
createServer({ app: () => 'text', threads: 0, import: ['./a.js'], interface: 'tsgi', port: undefined });
createServer(4, { app, maxLifetime: '1h', maxBuffered: '64KiB' });
createServer('auto', { app, args: ['--verbose'], logger: console });

export const options: ServerOptions = { app, threads: 2 };
export const time: Duration = '30s';
export const size: Size = '10MB';

// @ts-expect-error: no unit of time
createServer({ app, handlerTimeout: '30 secs' });
// @ts-expect-error: no number
createServer({ app, handlerTimeout: 'soon' });
// @ts-expect-error: a unit of size
createServer({ app, handlerTimeout: '10MiB' });
// @ts-expect-error: a unit of time
createServer({ app, maxBodySize: '30s' });
// @ts-expect-error: no unit of size
createServer({ app, maxBodySize: '10 megabytes' });
// @ts-expect-error: an unknown option
createServer({ app, handlerTimeOut: '30s' });
// @ts-expect-error: an unknown choice
createServer({ app, interface: 'wsgi' });
// @ts-expect-error: an option of the command line
createServer({ app, watch: true });
// @ts-expect-error: no application
createServer({ threads: 4 });
// @ts-expect-error: no options
createServer(4);
// @ts-expect-error: threads twice
createServer(4, { app, threads: 2 });
// @ts-expect-error: options twice
createServer({ app }, { app });
// @ts-expect-error: the application without its name
createServer('./app.ts');
