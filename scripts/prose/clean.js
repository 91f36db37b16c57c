/**
 * Where the rules for English are on: files that ESLint and `npm run lint` hold to them.
 *
 * Law: paths from the root; a folder ends with a slash. A folder is added once `node scripts/prose.js FOLDER` finds nothing.
 */
export const PROSE = [
  'CHANGELOG.md',
  'CONTRIBUTING.md',
  'README.md',
  'SECURITY.md',
  'docs/README.md',
  'docs/guide/',
  'docs/internals/',
  'docs/reference/api.md',
  'docs/reference/errors.md',
  'docs/reference/log-lines.md',
  'docs/reference/node-http.md',
  'docs/reference/options.md',
  'examples/README.md',
  'lab/README.md',
  'src/acceptor/acceptor-api.ts',
  'src/acceptor/acceptor.ts',
  'src/acceptor/application-traits.ts',
  'src/acceptor/exchange/',
  'src/acceptor/limits.ts',
  'src/acceptor/socket/',
  'src/acceptor/turn/',
  'src/acceptor/workers/',
  'src/compile/',
  'src/tsgi/',
  'scripts/prose/',
  'scripts/prose.js',
  'src/http/',
  'src/node-http/',
  'src/options/',
  'src/pool/',
  'src/ring/',
  'src/worker/',
  'src/worker/request-id.ts',
  'src/cli/',
  'src/server/',
  'src/supervisor/',
  'src/channel.ts',
  'src/debugger.ts',
  'src/error-text.ts',
  'src/errors.ts',
  'src/hooks.ts',
  'src/index.ts',
  'src/journal.ts',
  'src/output.ts',
  'src/server-limits.ts',
  'src/signals.ts',
  'src/stand-in.ts',
  'src/units.ts',
  'src/version.ts',
  'src/working-directory.ts',
  'test/prose/',
];

/** The same as patterns for ESLint. */
export const PROSE_GLOBS = PROSE.filter((path) => !path.endsWith('.md')).map((path) =>
  path.endsWith('/') ? `${path}**/*.{js,mjs,cjs,ts,mts,cts}` : path,
);

export function isClean(file) {
  return PROSE.some((path) => (path.endsWith('/') ? file.startsWith(path) : file === path));
}
