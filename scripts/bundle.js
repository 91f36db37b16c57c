/**
 * Bundles the worker's files: `dist/worker/thread.js` is `main.js` with its imports from rooms that no application can
 * import.
 *
 * A thread resolves, reads and compiles each file again, one after the other, which would take half of its start.
 *
 * The files that an application may import (`tsgi/`, `errors.js`) stay separate, so that server and application share
 * their classes.
 */
import path from 'node:path';
import { build } from 'esbuild';

const ROOMS = ['worker', 'ring', 'http', 'output.js', 'signals.js'];
/**
 * Modules whose names are imported one by one.
 *
 * A plain `import` evaluates all exports of these modules. From Node 22 on that includes `WebSocket`, for which Node
 * loads its HTTP client: a fifth of a thread's start.
 */
const HTTP = /^node:https?$/;
/** Named points at which a test ends a worker. */
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
    // Code that only some applications need is loaded on first use.
    splitting: true,
    // All bundles lie in one folder, because the bundle names separate files from there. Names have no hash: a worker
    // that loads during a reinstallation of the package still finds its files.
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
 * Bundles what a worker installs before it loads compiled files: `dist/compile/runtime/bundle.js`. Most workers compile
 * nothing, so two modules of Node are loaded on their first call.
 */
export async function bundleRuntime(dist) {
  const outdir = path.join(dist, 'compile', 'runtime');
  const late = { 'node:crypto': ['createHash'], 'node:child_process': ['execFileSync'] };
  const apart = {
    name: 'apart',
    setup(bundler) {
      // All files must share the classes of errors. Few applications start threads.
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
