/**
 * Joins several applications into one: each at its prefix.
 *
 * Law: middleware by rules M2 and M6: moves the prefix from PATH_INFO to SCRIPT_NAME and returns the application's result, so
 * it streams.
 */
/// <reference types="node" preserve="true" />
import type { Application } from './types.ts';

const notFound: Application = (_environ, startResponse) => {
  startResponse(404, [['content-type', 'text/plain']]);
  return 'Not Found\n';
};

/**
 * @param applications prefix → application: `{ '/api': api, '/': site }`. A prefix matches whole segments of the decoded path,
 * the longest first
 * @param otherwise serves a path that no prefix matches. Default: 404
 * @throws TypeError for a prefix that does not begin with '/', a duplicate prefix, or a value that is not an application
 */
export function mount(
  applications: Readonly<Record<string, Application>>,
  otherwise: Application = notFound,
): Application {
  const mounts = Object.entries(applications).map(([prefix, application]) => {
    if (!prefix.startsWith('/')) throw new TypeError(`A prefix must begin with '/': '${prefix}'`);
    if (typeof application !== 'function')
      throw new TypeError(`The value mounted at ${prefix} is not an application`);
    return { prefix: prefix.replace(/\/+$/, ''), application };
  });
  const twice = mounts.find(({ prefix }, i) => mounts.findIndex((other) => other.prefix === prefix) !== i);
  if (twice !== undefined) throw new TypeError(`Two applications are mounted at '${twice.prefix || '/'}'`);
  mounts.sort((a, b) => b.prefix.length - a.prefix.length);
  return (environ, startResponse) => {
    const path = environ.PATH_INFO;
    const found = mounts.find(({ prefix }) => path.startsWith(prefix) && endsSegment(path, prefix.length));
    if (found === undefined) return otherwise(environ, startResponse);
    environ.SCRIPT_NAME += found.prefix;
    environ.PATH_INFO = path.slice(found.prefix.length);
    return found.application(environ, startResponse);
  };
}

function endsSegment(path: string, length: number): boolean {
  return path.length === length || path[length] === '/';
}
