/**
 * The worker's files in one: `dist/worker/thread.js` is `main.js` with all that it imports of the rooms that no
 * application can. A thread resolves, reads and compiles each file anew, one behind the other, and would spend half of
 * its start with that.
 *
 * What an application may import itself (`tsgi/`, `errors.js`) stays in its own files: a class is to be the same for both.
 */
import path from 'node:path';
import { build } from 'esbuild';

const ROOMS = ['worker', 'ring', 'http', 'output.js', 'signals.js'];
/**
 * An `import` of these looks at all that they export, from Node 22 on at `WebSocket` as well, for which Node loads its HTTP
 * client: a fifth of a thread's start.
 */
const HTTP = /^node:https?$/;
/** Where tests stop a worker. */
const POINTS = path.join('worker', 'points.js');

export async function bundleWorker(dist) {
  const outdir = path.join(dist, 'worker');
  const apart = {
    name: 'apart',
    setup(bundler) {
      bundler.onResolve({ filter: /^\./ }, ({ resolveDir, path: imported }) => {
        const file = path.resolve(resolveDir, imported);
        const name = path.relative(dist, file);
        if (ROOMS.includes(name.split(path.sep)[0]) && name !== POINTS) return undefined;
        return { path: `./${path.relative(outdir, file).replaceAll(path.sep, '/')}`, external: true };
      });
      bundler.onResolve({ filter: HTTP }, ({ path: name }) => ({ path: name, namespace: 'builtin' }));
      bundler.onLoad({ filter: HTTP, namespace: 'builtin' }, ({ path: name }) => ({
        contents: `module.exports = process.getBuiltinModule('${name}');`,
      }));
    },
  };
  await build({
    entryPoints: { thread: path.join(outdir, 'main.js') },
    outdir,
    // What only some applications need is loaded when it is.
    splitting: true,
    // All beside each other: what stays apart is named from there. Without a hash: a worker that loads while the package is
    // installed anew finds what it looks for later.
    chunkNames: 'thread-[name]',
    bundle: true,
    format: 'esm',
    platform: 'node',
    packages: 'external',
    sourcemap: true,
    plugins: [apart],
  });
}

/**
 * What a worker installs before it loads compiled files, in one file: `dist/compile/runtime/bundle.js`. Most workers compile
 * nothing, so two of Node's modules are loaded when they are called.
 */
export async function bundleRuntime(dist) {
  const outdir = path.join(dist, 'compile', 'runtime');
  const late = { 'node:crypto': ['createHash'], 'node:child_process': ['execFileSync'] };
  const apart = {
    name: 'apart',
    setup(bundler) {
      // An error's class is to be the same for all; threads are started by few.
      bundler.onResolve({ filter: /^\.\/started-threads\.js$/ }, ({ path: name }) => ({
        path: name,
        external: true,
      }));
      bundler.onResolve({ filter: /\/errors\.js$/ }, () => ({ path: '../../errors.js', external: true }));
      bundler.onResolve({ filter: /^node:/ }, ({ path: name }) =>
        name in late ? { path: name, namespace: 'late' } : { path: name, external: true },
      );
      bundler.onLoad({ filter: /.*/, namespace: 'late' }, ({ path: name }) => ({
        contents: late[name]
          .map(
            (each) =>
              `export const ${each} = (...all) => process.getBuiltinModule('${name}').${each}(...all);`,
          )
          .join('\n'),
      }));
    },
  };
  await build({
    entryPoints: [path.join(outdir, 'install.js')],
    outfile: path.join(outdir, 'bundle.js'),
    bundle: true,
    format: 'esm',
    platform: 'node',
    packages: 'external',
    sourcemap: true,
    supported: { 'import-attributes': true },
    logOverride: { 'unsupported-dynamic-import': 'silent' },
    plugins: [apart],
  });
}
