/**
 * A middleware is a function from application to application. This one adds a Server-Timing field and logs a line.
 *
 *   npx tsgi-threads examples/middleware/app.ts
 */
import type { Application, Middleware } from 'tsgi-threads/tsgi';

const timed: Middleware = (application) => (environ, startResponse) => {
  const start = performance.now();
  return application(environ, (status, headers, error) => {
    const milliseconds = (performance.now() - start).toFixed(1);
    environ['tsgi.errors'].write(
      `${environ.REQUEST_METHOD} ${environ.PATH_INFO} ${status} ${milliseconds} ms\n`,
    );
    return startResponse(status, [...headers, ['server-timing', `app;dur=${milliseconds}`]], error);
  });
};

const hello: Application = (environ, startResponse) => {
  startResponse(200, [['content-type', 'text/plain; charset=utf-8']]);
  return `Hello from ${environ.PATH_INFO}\n`;
};

export default timed(hello);
