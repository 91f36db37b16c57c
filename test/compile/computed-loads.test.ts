/**
 * TypeScript files whose path the application or a library computes at run time.
 */
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { Cli } from '../support/cli.ts';

function project(files: Record<string, string>): string {
  const root = realpathSync(mkdtempSync(path.join(tmpdir(), 'tsgi-loads-')));
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  mkdirSync(path.join(root, 'node_modules'));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(root, name)), { recursive: true });
    writeFileSync(path.join(root, name), text);
  }
  return root;
}

/** An application that answers with the result of its function `run`, as JSON. */
const SERVE = `
  export default async (environ: object, startResponse: (status: number, headers: string[][]) => void): Promise<string> => {
    let text: string;
    try { text = JSON.stringify(await run()) ?? 'undefined'; } catch (error) { text = String((error as Error).stack); }
    startResponse(200, []);
    return text;
  };`;

const PARTS = {
  'tsconfig.json': '{ "compilerOptions": { "paths": { "@/*": ["./*"] } } }',
  'state.ts': 'export const state: { count: number } = { count: 0 };',
  // Syntax that no version of Node strips, and an import without an extension.
  'parts/one.ts': `import { state } from '../state'; enum Size { Large = 'large' } state.count += 1; export const size: string = Size.Large;`,
  'parts/two.cts': `import own = require('../state'); own.state.count += 1; export const size: string = 'two';`,
  'parts/view.tsx': `const React = { createElement: (tag: string) => '<' + tag + '>' }; export const size: string = <p /> as unknown as string;`,
  'parts/index.ts': `export const size: string = 'index';`,
  'parts/data.json': '{ "size": "json" }',
  'util.ts': `export const util: string = 'util';`,
};

const COMMONJS = `
  import path from 'node:path';
  import { state } from './state';
  const names: string[] = ['one.ts', 'two.cts', 'view.tsx', 'data.json'];
  const load = require;
  async function run(): Promise<unknown> {
    const sizes = names.map((name) => require(path.join(__dirname, 'parts', name)).size);
    const folder: string = './parts';
    const util: string = './util';
    return {
      sizes,
      count: state.count,
      relative: [require(folder).size, load(folder + '/one').size, module.require(folder).size, load(util + '.js').util],
      alias: load(['@', 'util'].join('/')).util,
      resolved: [require.resolve('./util'), require.resolve('./util.ts'), require.resolve('@/util'), require.resolve(util)].map((file) => path.relative(__dirname, file)),
      missing: (() => { try { require(folder + '/none'); } catch (error) { return (error as { code: string }).code; } })(),
    };
  }`;
const MODULE = `
  import path from 'node:path';
  import { createRequire } from 'node:module';
  import { state } from './state';
  const require = createRequire(import.meta.url);
  const names: string[] = ['one.ts', 'two.cts', 'view.tsx', 'data.json'];
  async function run(): Promise<unknown> {
    const sizes = names.map((name) => require(path.join(import.meta.dirname, 'parts', name)).size);
    const folder: string = './parts';
    const util: string = './util';
    return {
      sizes,
      count: state.count,
      relative: [require(folder).size, (await import(folder + '/one')).size, (await import(folder)).size, (await import(util + '.js')).util],
      alias: (await import(['@', 'util'].join('/'))).util,
      resolved: [require.resolve('./util'), require.resolve('./util.ts'), createRequire(import.meta.url).resolve('@/util'), require.resolve(util)].map((file) => path.relative(import.meta.dirname, file)),
      missing: await import(folder + '/none').catch((error: { code: string }) => error.code),
    };
  }`;
const expected = (missing: string) => ({
  sizes: ['large', 'two', '<p>', 'json'],
  // Each file ran once, and shares the module that the application imports.
  count: 2,
  relative: ['index', 'large', 'index', 'util'],
  alias: 'util',
  resolved: ['util.ts', 'util.ts', 'util.ts', 'util.ts'],
  missing,
});

async function answer(cli: Cli): Promise<unknown> {
  const text = await (await fetch(await cli.url())).text();
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function serve(root: string, app: string, ...args: string[]): Cli {
  return new Cli([app, '--port', '0', '--threads', '1', ...args], { cwd: root });
}

/** Serves from the source, in a worker and in the main thread, and from a build. */
async function everywhere(files: Record<string, string>, app = 'app.ts'): Promise<unknown[]> {
  const root = project(files);
  const fromSource = await answer(serve(root, app));
  const inMain = await answer(new Cli([app, '--port', '0', '--threads', '0'], { cwd: root }));
  await new Cli(['build', app], { cwd: root }).finished();
  return [fromSource, inMain, await answer(serve(root, 'dist-app'))];
}

describe('computed loads by the application, from its source, in the main thread and from a build (C23)', () => {
  test('CommonJS: require, require.resolve, relative and absolute, an alias', async () => {
    const files = { ...PARTS, 'app.ts': COMMONJS + SERVE };
    expect(await everywhere(files)).toEqual(Array(3).fill(expected('MODULE_NOT_FOUND')));
  });

  test('modules: createRequire, import, an alias', async () => {
    const files = { ...PARTS, 'package.json': '{ "type": "module" }', 'app.ts': MODULE + SERVE };
    expect(await everywhere(files)).toEqual(Array(3).fill(expected('ERR_MODULE_NOT_FOUND')));
  });

  test.each(['module', 'commonjs'])('threads and processes, in %s', async (type) => {
    const here = type === 'module' ? 'import.meta.dirname' : '__dirname';
    const files = {
      'package.json': `{ "type": "${type}" }`,
      'state.ts': 'export const doubled = (value: number): number => value * 2;',
      'thread.ts': `
        import { parentPort, workerData } from 'node:worker_threads';
        import path from 'node:path';
        import { doubled } from './state';
        const name: string = 'more.cts';
        import(path.join(${here}, name)).then((more) => parentPort!.postMessage([doubled(workerData as number), more.text ?? more.default.text]));`,
      'more.cts': `enum Kind { More = 'more' } export const text: string = Kind.More;`,
      'child.ts': `import { doubled } from './state'; process.send!(doubled(Number(process.argv[2])));`,
      'app.ts': `
        import { fork } from 'node:child_process';
        import { once } from 'node:events';
        import path from 'node:path';
        import { pathToFileURL } from 'node:url';
        import { Worker } from 'node:worker_threads';
        async function messageOf(thread: Worker): Promise<unknown> {
          const [message] = await Promise.race([once(thread, 'message'), once(thread, 'error')]);
          await thread.terminate();
          return message;
        }
        async function run(): Promise<unknown> {
          const base = pathToFileURL(path.join(${here}, 'app.ts'));
          const forked = once(fork(path.join(${here}, 'child.ts'), ['4']), 'message');
          return [
            await messageOf(new Worker(new URL('./thread.ts', base), { workerData: 1 })),
            await messageOf(new Worker(new URL('./thread.js', base), { workerData: 2 })),
            await messageOf(new Worker(path.join(${here}, 'thread.ts'), { workerData: 3, execArgv: [] })),
            (await forked)[0],
          ];
        }${SERVE}`,
    };
    const all = [[2, 'more'], [4, 'more'], [6, 'more'], 8];
    expect(await everywhere(files)).toEqual([all, all, all]);
  });
});

describe('computed loads by a library (C23)', () => {
  /** Loads all files of a folder, as libraries for plugins, migrations and entities do. */
  const LIBRARIES = {
    'node_modules/by-import/package.json': '{ "type": "module", "exports": "./index.js" }',
    'node_modules/by-import/index.js': `
      import { readdirSync } from 'node:fs';
      import path from 'node:path';
      import { pathToFileURL } from 'node:url';
      export const all = (folder) => Promise.all(readdirSync(folder).sort().map(async (name) => {
        const { text, default: inner } = await import(pathToFileURL(path.join(folder, name)).href);
        return text ?? inner.text;
      }));`,
    'node_modules/by-require/index.js': `
      const { readdirSync } = require('node:fs');
      const path = require('node:path');
      exports.all = (folder) => readdirSync(folder).sort().map((name) => require(path.join(folder, name)).text);
      exports.features = process.features.typescript;`,
  };
  const PLUGINS = {
    'state.ts': 'export const state: { count: number } = { count: 0 };',
    'plugins/a.ts': `import { state } from '../state'; enum Name { A = 'a' } state.count += 1; export const text: string = Name.A;`,
    'plugins/b.ts': `import { state } from '../state.js'; state.count += 1; export const text: string = 'b';`,
    'plugins/c.js': `exports.text = 'c';`,
  };

  test.each([
    ['commonjs', 'by-require', ''],
    ['commonjs', 'by-import', ''],
    ['module', 'by-import', "export const text = 'c';"],
    ['module', 'by-require', "export const text = 'c';"],
  ])('an application in %s, %s', async (type, library, script) => {
    const files = {
      ...LIBRARIES,
      ...PLUGINS,
      ...(script === '' ? {} : { 'plugins/c.js': script }),
      'package.json': `{ "type": "${type}" }`,
      'app.ts': `
        import path from 'node:path';
        import { all } from '${library}';
        import { state } from './state';
        async function run(): Promise<unknown> {
          const found = await all(path.join(${type === 'module' ? 'import.meta.dirname' : '__dirname'}, 'plugins'));
          return [...found, state.count];
        }${SERVE}`,
    };
    const all = ['a', 'b', 'c', 2];
    expect(await everywhere(files)).toEqual([all, all, all]);
  });

  test('a library can detect that TypeScript runs', async () => {
    const source = `import { features } from 'by-require'; const run = () => [features, __dirname.length > 0];`;
    const [answered] = await everywhere({ ...LIBRARIES, 'app.ts': source + SERVE });
    expect(answered).toEqual(['transform', true]);
  });

  test('a file compiled later is compiled once, and the next start finds it', async () => {
    const files = {
      ...LIBRARIES,
      ...PLUGINS,
      'app.ts': `
        import path from 'node:path';
        import { all } from 'by-require';
        async function run(): Promise<unknown> {
          const started = performance.now();
          const found = all(path.join(__dirname, 'plugins'));
          return [...found, performance.now() - started];
        }${SERVE}`,
    };
    const root = project(files);
    const builds = () => readdirSync(path.join(root, 'node_modules/.cache/tsgi-threads')).sort();
    expect(await answer(serve(root, 'app.ts'))).toMatchObject(['a', 'b', 'c', expect.any(Number)]);
    const after = builds();
    // The application, the file compiled later, and the note that names that file.
    expect(after).toHaveLength(3);
    const again = new Cli(['app.ts', '--port', '0', '--threads', '1'], { cwd: root });
    expect(await answer(again)).toMatchObject(['a', 'b', 'c', expect.any(Number)]);
    expect(builds()).toEqual(after);
    // The library compiles a changed file again.
    writeFileSync(path.join(root, 'plugins/b.ts'), `export const text: string = 'changed';`);
    expect(await answer(serve(root, 'app.ts'))).toMatchObject(['a', 'changed', 'c', expect.any(Number)]);
  });

  test('a file that cannot be compiled affects only its own load', async () => {
    const files = {
      ...LIBRARIES,
      'plugins/a.ts': 'const = 1;',
      'others/fine.ts': "export const text: string = 'fine';",
      'app.ts': `
        import path from 'node:path';
        import { all } from 'by-require';
        async function run(): Promise<unknown> {
          const fine = all(path.join(__dirname, 'others'));
          try { all(path.join(__dirname, 'plugins')); } catch (error) { return [fine, (error as Error).message]; }
        }${SERVE}`,
    };
    const [fromSource, , fromBuild] = await everywhere(files);
    const why = expect.stringMatching(/Cannot compile .*plugins\/a\.ts:1:7: /);
    expect([fromSource, fromBuild]).toEqual([
      [['fine'], why],
      [['fine'], why],
    ]);
  });
});

test('a workspace package copied into node_modules is still compiled (C23)', async () => {
  const store = 'node_modules/.pnpm/shared@file+shared/node_modules/shared';
  const root = project({
    'package.json': '{ "type": "module" }',
    [`${store}/package.json`]: '{ "name": "shared", "type": "module", "exports": "./src/index.ts" }',
    [`${store}/src/index.ts`]: `import { deep } from './deep.js'; enum Kind { Shared = 'shared' } export const shared: string = Kind.Shared + deep;`,
    [`${store}/src/deep.ts`]: `export const deep: string = ' and deep';`,
    'app.ts': `import { shared } from 'shared'; const run = async () => [shared, (await import(['sha', 'red'].join(''))).shared];${SERVE}`,
  });
  symlinkSync(path.join(root, store), path.join(root, 'node_modules/shared'));
  const all = ['shared and deep', 'shared and deep'];
  expect(await answer(serve(root, 'app.ts'))).toEqual(all);
  await new Cli(['build', 'app.ts'], { cwd: root }).finished();
  expect(await answer(serve(root, 'dist-app'))).toEqual(all);
});
