/**
 * `tsgi-threads build`, and servers that start from a build.
 */
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createServer } from '../../dist/index.js';
import { Cli, type Finished } from '../support/cli.ts';

const isRoot = process.getuid?.() === 0;
const NOBODY = 65_534;

/** The project has a compiled text, an asset beside it, a file with a computed path, and imported JSON. */
const FILES = {
  'package.json': '{ "type": "module" }',
  'tsconfig.json': '{ "compilerOptions": { "paths": { "@/*": ["./src/*"] } } }',
  'src/app.ts': `
    import { readFileSync } from 'node:fs';
    import path from 'node:path';
    import { createRequire } from 'node:module';
    import data from '../data.json';
    import { plain } from './plain.js';
    import { words } from '@/words';
    import type { Application } from 'tsgi-threads/tsgi';
    enum Kind { Text = 'text' }
    const name: string = 'one';
    const app: Application = async (environ, startResponse) => {
      if (environ.PATH_INFO === '/throw')
        throw new Error('thrown');
      startResponse(200, [['content-type', 'text/plain']]);
      const asset = readFileSync(new URL('../asset.txt', import.meta.url), 'utf8');
      const required = createRequire(import.meta.url)(path.join(import.meta.dirname, 'parts/required.cts'));
      return [Kind.Text, data.value, plain, words, asset, (await import('./parts/' + name + '.ts')).text, required.text].join();
    };
    export default app;`,
  'src/plain.js': "export const plain = 'plain';",
  'src/words.ts': "export const words: string = 'words';",
  'src/parts/one.ts': "export const text: string = 'one';",
  'src/parts/required.cts': "export const text: string = 'required';",
  'src/app.test.ts': "import 'vitest'; throw new Error('a test');",
  'src/broken.ts': 'const = ;',
  'asset.txt': 'asset',
  'data.json': '{ "value": 7 }',
};
const ANSWER = 'text,7,plain,words,asset,one,required';

function project(files: Record<string, string> = FILES): string {
  const root = realpathSync(mkdtempSync(path.join(tmpdir(), 'tsgi-build-')));
  chmodSync(root, 0o755);
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(root, name)), { recursive: true });
    writeFileSync(path.join(root, name), text);
  }
  return root;
}

function build(cwd: string, ...args: string[]): Promise<Finished> {
  return new Cli(['build', ...args], { cwd }).finished();
}

/** A project with its build in `dist-app`. */
async function built(files: Record<string, string> = FILES, app = 'src/app.ts'): Promise<string> {
  const root = project(files);
  const { code, stderr } = await build(root, app);
  expect(stderr).toContain(files === FILES ? 'src/broken.ts:1:7' : '');
  expect(code).toBe(0);
  return root;
}

function serve(cwd: string, args: string[] = [], env: Record<string, string> = {}): Cli {
  return new Cli(['dist-app', '--port', '0', '--threads', '1', ...args], { cwd, env });
}

async function answer(cli: Cli, target = '/'): Promise<string> {
  return (await fetch((await cli.url()) + target)).text();
}

/** Makes esbuild's process fail to start. */
const NO_COMPILER = { ESBUILD_BINARY_PATH: '/nowhere/esbuild' };

test('a build is served like its source, without a compiler (C25)', async () => {
  const root = await built();
  expect(readdirSync(path.join(root, 'dist-app'))).toHaveLength(2);
  expect(await answer(serve(root, [], NO_COMPILER))).toBe(ANSWER);
});

test('a build is served from a read-only file system (C25)', async () => {
  const root = await built();
  const before = readdirSync(root, { recursive: true });
  for (const name of ['.', 'src', 'src/parts', 'dist-app']) chmodSync(path.join(root, name), 0o555);
  // The superuser may write everywhere.
  const user = isRoot ? { uid: NOBODY, gid: NOBODY } : {};
  const cli = new Cli(['dist-app', '--port', '0', '--threads', '2'], {
    cwd: root,
    env: { ...NO_COMPILER, TMPDIR: path.join(root, 'src') },
    ...user,
  });
  expect(await answer(cli)).toBe(ANSWER);
  cli.child.kill();
  await cli.finished();
  expect(readdirSync(root, { recursive: true })).toEqual(before);
  for (const name of ['.', 'src', 'src/parts', 'dist-app']) chmodSync(path.join(root, name), 0o755);
});

test('a build needs no sources, only files that the application itself reads (C25)', async () => {
  const root = await built();
  rmSync(path.join(root, 'src'), { recursive: true });
  rmSync(path.join(root, 'data.json'));
  rmSync(path.join(root, 'tsconfig.json'));
  expect(await answer(serve(root, [], NO_COMPILER))).toBe(ANSWER);
});

test('a build can be moved together with its project (C25)', async () => {
  const root = await built();
  const moved = `${root}-moved`;
  renameSync(root, moved);
  onTestFinished(() => rmSync(moved, { recursive: true, force: true }));
  expect(await answer(serve(moved, [], NO_COMPILER))).toBe(ANSWER);
});

test('a stack of a build names the source (C25)', async () => {
  const root = await built();
  const cli = serve(root);
  expect((await fetch(`${await cli.url()}/throw`)).status).toBe(500);
  await expect.poll(() => cli.stderr).toContain(`${root}/src/app.ts:13:`);
});

test('a reload reads the build again, and a failed reload keeps the server running (C25)', async () => {
  const root = await built();
  const server = createServer(1, {
    app: path.join(root, 'dist-app'),
    logger: { error() {}, warn() {}, info() {} },
  });
  onTestFinished(() => server.close());
  await server.listen({ port: 0 });
  const text = async () => (await fetch(server.url)).text();
  expect(await text()).toBe(ANSWER);
  writeFileSync(path.join(root, 'src/words.ts'), "export const words: string = 'changed';");
  await expect(server.reload()).rejects.toMatchObject({
    code: 'TSGI_ERR_BUILD',
    message: expect.stringMatching(/src\/words\.ts has changed since\. Run `tsgi-threads build` again\.$/),
  });
  expect(await text()).toBe(ANSWER);
  expect((await build(root, 'src/app.ts')).code).toBe(0);
  await server.reload();
  expect(await text()).toBe(ANSWER.replace('words', 'changed'));
  // The previous build stays for servers that still run it. Older builds are removed.
  writeFileSync(path.join(root, 'src/words.ts'), "export const words: string = 'once more';");
  expect((await build(root, 'src/app.ts')).code).toBe(0);
  expect(readdirSync(path.join(root, 'dist-app'))).toHaveLength(3);
});

describe('a build that does not fit is rejected in one line (C25)', () => {
  const file = (root: string) => path.join(root, 'dist-app', 'tsgi-build.json');
  const edit = (root: string, changes: object) =>
    writeFileSync(
      file(root),
      JSON.stringify({ ...JSON.parse(readFileSync(file(root), 'utf8')), ...changes }),
    );
  const folder = (root: string) =>
    path.join(root, 'dist-app', (JSON.parse(readFileSync(file(root), 'utf8')) as { folder: string }).folder);
  const compiled = (root: string) =>
    path.join(
      folder(root),
      readdirSync(folder(root)).find((name) => name.startsWith('app-') && name.endsWith('js'))!,
    );
  const cases: [string, (root: string) => void, string[], RegExp][] = [
    [
      'of another version',
      (root) => edit(root, { version: '0.0.9' }),
      [],
      /tsgi-threads 0\.0\.9 made it, and this is tsgi-threads \d/,
    ],
    [
      'for another Node',
      (root) => edit(root, { node: '19' }),
      [],
      /it was made for Node\.js 19, and this is Node\.js \d+/,
    ],
    [
      'of a source that has changed',
      (root) => writeFileSync(path.join(root, 'data.json'), '{}'),
      [],
      /: data\.json has changed since/,
    ],
    [
      'with another --import',
      () => {},
      ['--import', 'node:os'],
      /it was made with --import \(none\), and --import is now node:os/,
    ],
    [
      'that is truncated',
      (root) => truncateSync(compiled(root), 20),
      [],
      /it is damaged: its files are not as they were written/,
    ],
    [
      'that misses a file',
      (root) => rmSync(compiled(root)),
      [],
      /it is damaged: its files are not as they were written/,
    ],
    [
      'that misses its folder',
      (root) => rmSync(folder(root), { recursive: true }),
      [],
      /it is damaged: ENOENT/,
    ],
    [
      'whose description is truncated',
      (root) => truncateSync(file(root), 20),
      [],
      /it is damaged: .*tsgi-build\.json/,
    ],
  ];

  test.each(cases)('one %s', async (_, spoil, args, why) => {
    const root = await built();
    spoil(root);
    const { code, stderr } = await serve(root, args).finished();
    expect(stderr).toMatch(
      /^tsgi-threads: Cannot use the build in dist-app: [^\n]*Run `tsgi-threads build` again\.\n$/,
    );
    expect(stderr).toMatch(why);
    expect(code).toBe(1);
  });

  test('--watch rejects a build', async () => {
    const root = await built();
    const { code, stderr } = await serve(root, ['--watch']).finished();
    expect([code, stderr]).toEqual([
      1,
      'tsgi-threads: Cannot watch the build in dist-app: --watch compiles sources. Start the source file, or omit --watch.\n',
    ]);
  });

  test('TypeScript added after the build causes an error that names it', async () => {
    const root = await built(
      {
        'app.cts': `
        const path = require('node:path');
        module.exports = async (environ: object, startResponse: (status: number, headers: []) => void) => {
          const text = await Promise.resolve().then(() => require(path.join(__dirname, 'late.ts')).text).catch((error: Error) => error.message);
          startResponse(200, []);
          return text;
        };`,
      },
      'app.cts',
    );
    writeFileSync(path.join(root, 'late.ts'), "export const text: string = 'late';");
    expect(await answer(serve(root))).toMatch(
      /late\.ts: the build in \S+dist-app does not contain it\. Run `tsgi-threads build` again\.$/,
    );
  });
});

test('a build contains the exports, factories and --import modules (C25)', async () => {
  const root = project({
    'app.mts': `export const make = () => () => new Response(String((globalThis as { first?: string }).first));`,
    'first.mts': "(globalThis as { first?: string }).first = 'imported' as string;",
  });
  expect((await build(root, 'app.mts:make()', '--import', './first.mts', '--out', 'out/app')).code).toBe(0);
  const cli = new Cli(['out/app', '--port', '0', '--threads', '1', '--interface', 'fetch'], {
    cwd: root,
    env: NO_COMPILER,
  });
  expect(await answer(cli)).toBe('imported');
});

describe('the command build', () => {
  test.each([
    [[], 2, "missing required argument 'app'"],
    [['gone.ts'], 1, 'Cannot find the application: gone.ts does not exist'],
    [['app.ts', '--our', 'x'], 2, "unknown option '--our'; did you mean --out?"],
    [
      ['app.ts', '--out', 'full'],
      1,
      'Cannot build into full (--out): the folder contains files that are no build.',
    ],
    [['app.ts', '--out', 'app.ts'], 1, 'Cannot make the folder app.ts (--out): '],
    [['broken.ts'], 1, 'Cannot compile the application: broken.ts:1:7: '],
  ])('an error of %j is one line', async (args, code, text) => {
    const root = project({ 'app.ts': 'export default 1;', 'broken.ts': 'const = 1;', 'full/notes.txt': '' });
    const { code: got, stderr } = await build(root, ...(args as string[]));
    expect(stderr.startsWith(`tsgi-threads: ${text}`), stderr).toBe(true);
    expect(stderr).toMatch(/^[^\n]+\n$/);
    expect(got).toBe(code);
  });

  test('other files in the folder of a build stay', async () => {
    const root = await built();
    cpSync(path.join(root, 'asset.txt'), path.join(root, 'dist-app/asset.txt'));
    await build(root, 'src/app.ts');
    expect(readdirSync(path.join(root, 'dist-app'))).toContain('asset.txt');
  });

  test('the ready line and --help name the command build', () => {
    const root = project({ 'app.ts': 'export default 1;' });
    const run = (...args: string[]) =>
      spawnSync(process.execPath, [path.join(import.meta.dirname, '../../dist/cli/main.js'), ...args], {
        cwd: root,
        encoding: 'utf8',
      });
    expect(run('build', 'app.ts').stdout).toMatch(
      /^tsgi-threads built app\.ts into dist-app: 1 file in \d+ ms\. Start it with: tsgi-threads dist-app\n$/,
    );
    expect(run('build', '--help').stdout).toContain('--out <folder>');
    expect(run('--help').stdout).toContain('tsgi-threads build app.ts --out dist-app');
  });
});
