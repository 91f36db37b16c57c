/**
 * Applications as users write them, compiled ahead and imported by a real worker thread.
 */
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Worker } from 'node:worker_threads';
import { describe, expect, onTestFinished, test } from 'vitest';
import { compileProgram, type TypeScriptProgram } from '../../dist/compile/typescript-program.js';

/** A project with these files and a node_modules folder, so that the cache goes there. */
function project(files: Record<string, string>): string {
  const root = realpathSync(mkdtempSync(path.join(tmpdir(), 'tsgi-compile-')));
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  mkdirSync(path.join(root, 'node_modules'));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(root, name)), { recursive: true });
    writeFileSync(path.join(root, name), text);
  }
  return root;
}

/** As for `--watch`: esbuild's process stays alive for the next test. */
function compileApplication(file: string): Promise<TypeScriptProgram> {
  return compileProgram({ app: file, folders: ['/'] }, { imports: [], cacheDir: '', watch: true }, new Set());
}

/** The steps of a worker: it installs the runtime, then loads the application. */
const RUN = `
  const { parentPort, workerData } = require('node:worker_threads');
  process.setSourceMapsEnabled(true);
  const { url, runtime } = workerData;
  Promise.resolve(runtime && import(runtime.url)).then((made) => made?.install(runtime.data)).then(() => import(url)).then(async (exports) => {
    const found = exports.default?.default ?? exports.default;
    parentPort.postMessage({ value: await (typeof found === 'function' ? found() : found) });
  }).catch((error) => parentPort.postMessage({ error: error.stack ?? String(error) }));`;

/** Compiles `entry`, and returns the value that its default export returns in a worker. */
async function result(files: Record<string, string>, entry: string): Promise<unknown> {
  const workerData = await compileApplication(path.join(project(files), entry));
  const worker = new Worker(RUN, { eval: true, workerData });
  const [{ value, error }] = await once(worker, 'message');
  await worker.terminate();
  if (error !== undefined) throw new Error(error);
  return value;
}

const MODULE = '{ "type": "module" }';

describe('files and formats', () => {
  test.each(['app.ts', 'app.tsx', 'app.mts', 'app.js', 'app.jsx', 'app.mjs'])(
    '%s in a module package',
    async (name) => {
      expect(
        await result(
          { 'package.json': MODULE, [name]: 'export default () => import.meta.url.slice(-7);' },
          name,
        ),
      ).toBe(`/${name}`.slice(-7));
    },
  );

  test.each(['app.ts', 'app.cts', 'app.cjs'])('%s as CommonJS', async (name) => {
    const source = 'module.exports = () => [__filename, typeof require, require("node:path").sep].join();';
    expect(await result({ [name]: source }, name)).toMatch(new RegExp(`${name},function,/$`));
  });

  test('import syntax without a package type works beside __dirname and import.meta', async () => {
    const source = `import path from 'node:path';
      const here: string = path.basename(__filename);
      export default () => [here, path.basename(import.meta.filename), __dirname === import.meta.dirname].join();`;
    expect(await result({ 'app.ts': source }, 'app.ts')).toBe('app.ts,app.ts,true');
  });

  test('top-level await works without a package type', async () => {
    expect(
      await result(
        { 'app.ts': 'const a: number = await Promise.resolve(7); export default () => a;' },
        'app.ts',
      ),
    ).toBe(7);
  });

  test('a program’s own __dirname in ESM stays unchanged', async () => {
    const source = `import { dirname } from 'node:path'; import { fileURLToPath } from 'node:url';
      const __dirname = dirname(fileURLToPath(import.meta.url)); export default () => __dirname.includes('tsgi-compile-');`;
    expect(await result({ 'package.json': MODULE, 'app.ts': source }, 'app.ts')).toBe(true);
  });

  test('plain JavaScript is imported from its place', async () => {
    const root = project({
      'app.mjs': "import { b } from './b.mjs'; export default b;",
      'b.mjs': 'export const b = 1;',
    });
    const { url } = await compileApplication(path.join(root, 'app.mjs'));
    expect(url).toBe(`file://${root}/app.mjs`);
    expect(existsSync(path.join(root, 'node_modules/.cache'))).toBe(false);
  });

  test('plain JavaScript that reaches TypeScript is compiled', async () => {
    const files = {
      'app.mjs': "import { b } from './b.ts'; export default () => b;",
      'b.ts': 'export const b: number = 2;',
    };
    expect(await result(files, 'app.mjs')).toBe(2);
  });
});

describe('syntax', () => {
  /** A JSX runtime that writes HTML. */
  const JSX = {
    'node_modules/html/package.json': '{ "type": "module", "exports": { "./jsx-runtime": "./runtime.js" } }',
    'node_modules/html/runtime.js': `
      export const jsx = (tag, { children }) => \`<\${tag}>\${[children].flat().join('')}</\${tag}>\`;
      export const jsxs = jsx;`,
    'tsconfig.base.json': '{ "compilerOptions": { "jsx": "react-jsx", "jsxImportSource": "html" } }',
    // A usual tsconfig.json, with comments and `extends`.
    'tsconfig.json': '{ /* ours */ "extends": "./tsconfig.base.json", }',
  };

  test.each(['module', 'commonjs'])('JSX follows tsconfig in .tsx and .jsx files, in %s', async (type) => {
    const files = {
      ...JSX,
      'package.json': `{ "type": "${type}" }`,
      'app.tsx': `import { item } from './item.jsx';
        const text: string = 'one';
        export default () => <ul>{item(text)}<li>two</li></ul>;`,
      'item.jsx': 'export const item = (text) => <li>{text}</li>;',
    };
    expect(await result(files, 'app.tsx')).toBe('<ul><li>one</li><li>two</li></ul>');
  });

  test('TypeScript’s own syntax works: enums, namespaces, parameter properties, decorators', async () => {
    const source = `
      enum Colour { Red = 1, Green }
      namespace Sizes { export const small = 3; }
      const loud = (_target: object, _key: string, property: PropertyDescriptor) => {
        const { value } = property;
        property.value = function () { return value.call(this) + '!'; };
      };
      class Named {
        constructor(private readonly name: string) {}
        @loud say() { return this.name; }
      }
      import type { Gone } from './gone';
      export default () => [Colour.Green, Sizes.small, new Named('it').say(), ({} satisfies object as Gone) && 'as'].join();`;
    const files = {
      'package.json': MODULE,
      'tsconfig.json': '{ "compilerOptions": { "experimentalDecorators": true } }',
      'app.ts': source,
    };
    expect(await result(files, 'app.ts')).toBe('2,3,it!,as');
  });

  test('import = require and export = work in CommonJS', async () => {
    const files = {
      'app.cts':
        "import path = require('node:path'); import own = require('./own.cjs'); export = () => own(path.sep);",
      'own.cts': 'export = (text: string): string => text + text;',
    };
    expect(await result(files, 'app.cts')).toBe('//');
  });
});

describe('specifiers', () => {
  test.each(['./lib/b', './lib/b.ts', './lib/b.js', './lib', '@/lib/b', 'linked'])(
    '%s finds TypeScript',
    async (specifier) => {
      const root = project({
        'package.json': MODULE,
        'tsconfig.json': '{ "compilerOptions": { "paths": { "@/*": ["./*"] } } }',
        'app.ts': `import { b } from '${specifier}'; export default () => b;`,
        'lib/b.ts': 'export const b: string = "found";',
        'lib/index.ts': "export * from './b';",
        'packages/linked/package.json': '{ "name": "linked", "type": "module", "exports": "./src/index.ts" }',
        'packages/linked/src/index.ts': 'export const b: string = "found";',
      });
      symlinkSync(path.join(root, 'packages/linked'), path.join(root, 'node_modules/linked'));
      const workerData = await compileApplication(path.join(root, 'app.ts'));
      const worker = new Worker(RUN, { eval: true, workerData });
      expect((await once(worker, 'message'))[0]).toEqual({ value: 'found' });
      await worker.terminate();
    },
  );

  test.each([
    ['module', "import data from './data.json'; export default () => data.a;"],
    ['module', "import data from './data.json' with { type: 'json' }; export default () => data.a;"],
    ['module', "export default async () => (await import('./data.json')).default.a;"],
    ['commonjs', "import data from './data.json'; export default () => data.a;"],
    ['commonjs', "const data = require('./data.json'); export default () => data.a;"],
  ])('JSON in %s: %s', async (type, source) => {
    expect(
      await result(
        { 'package.json': `{ "type": "${type}" }`, 'app.ts': source, 'data.json': '{ "a": 5 }' },
        'app.ts',
      ),
    ).toBe(5);
  });

  test.each([
    "import('./plugins/one.ts')",
    'import(`./plugins/${name}.ts`)',
    'import(target)',
    "import('./plugins/' + name)",
  ])('dynamic %s', async (expression) => {
    const source = `const name: string = 'one'; const target: string = './plugins/one.ts';
        export default async () => (await ${expression}).text;`;
    for (const type of ['module', 'commonjs']) {
      const files = {
        'package.json': `{ "type": "${type}" }`,
        'app.ts': source,
        'plugins/one.ts': 'export const text: string = "one";',
      };
      expect(await result(files, 'app.ts'), type).toBe('one');
    }
  });

  test('a module imported both by name and by a pattern is loaded once', async () => {
    const files = {
      'package.json': MODULE,
      'app.ts': `import { state } from './parts/state'; const name: string = 'state';
        export default async () => { state.count += 1; return (await import(\`./parts/\${name}.ts\`)).state.count; };`,
      'parts/state.ts': 'export const state: { count: number } = { count: 1 };',
    };
    expect(await result(files, 'app.ts')).toBe(2);
  });

  test('a module imported by two files is loaded once', async () => {
    const files = {
      'package.json': MODULE,
      'app.ts': "import { state } from './state'; import './other'; export default () => state.count;",
      'other.ts': "import { state } from './state.js'; state.count += 1;",
      'state.ts': 'export const state: { count: number } = { count: 1 };',
    };
    expect(await result(files, 'app.ts')).toBe(2);
  });

  test('assets are found beside the original file', async () => {
    const source = `import { readFileSync } from 'node:fs';
      export default () => readFileSync(new URL('./asset.txt', import.meta.url), 'utf8');`;
    expect(await result({ 'package.json': MODULE, 'app.ts': source, 'asset.txt': 'here' }, 'app.ts')).toBe(
      'here',
    );
  });
});

describe('dependencies', () => {
  const packages = {
    'node_modules/plain/index.js': 'exports.named = "named"; exports.value = 1;',
    'node_modules/transpiled/index.js':
      'Object.defineProperty(exports, "__esModule", { value: true }); exports.default = "inner";',
    'node_modules/only-esm/package.json': '{ "type": "module", "exports": { "import": "./main.js" } }',
    'node_modules/only-esm/main.js': 'export const esm = "esm";',
  };

  test.each(['module', 'commonjs'])('from %s: CommonJS named and default, ESM only', async (type) => {
    const source = `import plain, { named } from 'plain'; import { esm } from 'only-esm';
      export default () => [named, plain.value, esm].join();`;
    const files = { ...packages, 'package.json': `{ "type": "${type}" }`, 'app.ts': source };
    expect(await result(files, 'app.ts')).toBe('named,1,esm');
  });

  test('the default import of a transpiled package in CommonJS is the package’s own default', async () => {
    const source = "import inner from 'transpiled'; export default () => inner;";
    expect(await result({ ...packages, 'app.ts': source }, 'app.ts')).toBe('inner');
  });

  test('a missing optional dependency can be caught', async () => {
    const source =
      "export default async () => { try { await import('missing'); } catch { return 'caught'; } };";
    expect(await result({ 'package.json': MODULE, 'app.ts': source }, 'app.ts')).toBe('caught');
    const required =
      "let a: string; try { a = require('missing'); } catch { a = 'caught'; } export default () => a;";
    expect(await result({ 'app.ts': required }, 'app.ts')).toBe('caught');
  });
});

describe('errors', () => {
  test.each(['module', 'commonjs'])('a stack names the position in the source, in %s', async (type) => {
    const source = 'interface A { b: string }\n\nexport default (): A => {\n  throw new Error("here");\n};\n';
    const root = project({ 'package.json': `{ "type": "${type}" }`, 'app.ts': source });
    const workerData = await compileApplication(path.join(root, 'app.ts'));
    const worker = new Worker(RUN, { eval: true, workerData });
    const [{ error }] = await once(worker, 'message');
    await worker.terminate();
    expect(error).toContain(`${root}/app.ts:4:`);
  });

  test('a syntax error names file, line and column', async () => {
    const root = project({ 'app.ts': 'const a = 1;\nexport default () => { return a + ; };\n' });
    await expect(compileApplication(path.join(root, 'app.ts'))).rejects.toMatchObject({
      code: 'TSGI_ERR_APP_SYNTAX',
      message: expect.stringMatching(/app\.ts:2:35: Unexpected ";"/),
    });
  });

  test('a missing file, or a file that cannot be run, causes an error', async () => {
    const root = project({ 'app.txt': '' });
    for (const name of ['gone.ts', 'app.txt']) {
      await expect(compileApplication(path.join(root, name))).rejects.toMatchObject({
        code: 'TSGI_ERR_APP_NOT_FOUND',
      });
    }
  });
});

describe('the cache', () => {
  test('equal files compile to the same place, also in two concurrent processes', async () => {
    const root = project({ 'package.json': MODULE, 'app.ts': 'export default (a: string) => a;' });
    const app = path.join(root, 'app.ts');
    const urls = await Promise.all([compileApplication(app), compileApplication(app)]);
    const again = await compileApplication(app);
    expect(new Set([...urls, again].map(({ url }) => url)).size).toBe(1);
    expect(again.url).toContain(`${root}/node_modules/.cache/tsgi-threads/`);
  });

  test('a process that has compiled ends by itself', () => {
    const root = project({ 'app.ts': 'export default (a: string) => a;' });
    const module = new URL('../../dist/compile/typescript-program.js', import.meta.url).href;
    const code = `const { compileProgram } = await import(${JSON.stringify(module)}); console.log((await compileProgram({ app: ${JSON.stringify(path.join(root, 'app.ts'))}, folders: ['/'] }, { imports: [], cacheDir: '', watch: true }, new Set())).source);`;
    const output = execFileSync(process.execPath, ['--input-type=module', '-e', code], {
      timeout: 10_000,
      encoding: 'utf8',
    });
    expect(output.trim()).toBe(path.join(root, 'app.ts'));
  });

  test('the import of a compiled file takes at most 1.5 times as long as plain JavaScript', async () => {
    const root = project({
      'package.json': MODULE,
      'app.ts': 'const a: number = 1; export default () => a;',
      'plain.mjs': 'const a = 1; export default () => a;',
    });
    const compiled = await compileApplication(path.join(root, 'app.ts'));
    const plain = await compileApplication(path.join(root, 'plain.mjs'));
    const boot = async (workerData: TypeScriptProgram) => {
      const start = performance.now();
      const worker = new Worker(RUN, { eval: true, workerData });
      await once(worker, 'message');
      const time = performance.now() - start;
      await worker.terminate();
      return time;
    };
    const times: [number[], number[]] = [[], []];
    for (let i = 0; i < 15; i++) {
      times[0].push(await boot(compiled));
      times[1].push(await boot(plain));
    }
    // Compares the shortest times, because other load on the machine only adds to a time.
    const [a, b] = times.map((list) => Math.min(...list));
    expect(a! / b!).toBeLessThan(1.5);
  });
});

test('the process of esbuild restarts after it has ended, for example by a signal to the process group', async () => {
  const root = project({ 'app.ts': 'export default (): string => "compiled"' });
  await compileApplication(path.join(root, 'app.ts'));
  for (const text of ['once', 'again']) {
    writeFileSync(path.join(root, 'app.ts'), `export default (): string => '${text}'`);
    const processes = execFileSync('ps', ['-o', 'pid=,args=', '--ppid', String(process.pid)], {
      encoding: 'utf8',
    });
    process.kill(Number(/(\d+) \S*esbuild /.exec(processes)![1]), 'SIGHUP');
    // Several concurrent calls find that the process has ended.
    const [compiled] = await Promise.all([1, 2, 3].map(() => compileApplication(path.join(root, 'app.ts'))));
    expect(readFileSync(new URL(compiled!.url), 'utf8')).toContain(text);
  }
});
