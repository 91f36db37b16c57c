/**
 * The file that piscina loads in a thread. It imports the worker's bundle (`scripts/bundle.js`).
 *
 * Law: CommonJS, and nothing but the import. Piscina loads its file with `require` first. While `require` loads an ES module,
 * `terminate()` of the thread aborts the whole process ("Empty MaybeLocal", Node 20); `import()` survives it. The export is a
 * promise, which piscina awaits, so a bundle that fails to load is an error of the thread.
 */
// @ts-expect-error The bundle exists in dist/ only.
module.exports = import('./thread.js').then((bundle: { default: unknown }) => bundle.default);
