/**
 * `--import`: modules that every worker loads before the application.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import path from 'node:path';
import { createServer } from 'tsgi-threads';
import { describe, expect, test } from 'vitest';
import { Cli } from '../support/cli.ts';
import { appFile } from '../support/server.ts';

const APP = `export default (environ, startResponse) => {
  startResponse(200, []);
  return JSON.stringify(globalThis.seen ?? null);
};`;
const ARGS = ['app.mjs', '--port', '0', '--threads', '1'];

/** A module that reports to the application and to standard output that it was loaded, and where. */
const seen = (name: string) => `
  import { isMainThread } from 'node:worker_threads';
  (globalThis.seen ??= []).push(${JSON.stringify(name)} + (isMainThread ? ' in the main thread' : ''));
  console.error('loaded ${name}');
`;

/** A folder with an application and these files. */
function project(files: Record<string, string>, app = APP): string {
  const folder = path.dirname(appFile(app));
  for (const [name, text] of Object.entries(files)) {
    const file = path.join(folder, name);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, text);
  }
  return folder;
}

const PACKAGE = {
  'node_modules/apm/package.json':
    '{ "exports": { "./register": { "import": "./esm.mjs", "default": "./no.cjs" } } }',
  'node_modules/apm/esm.mjs': seen('apm'),
};

async function answerOf(cli: Cli): Promise<unknown> {
  return (await fetch(await cli.url())).json();
}

describe('the loaded modules', () => {
  test('load in the given order, from the working directory, before the application, in no other thread', async () => {
    const cwd = project({
      ...PACKAGE,
      'lib/own.mjs': seen('own'),
      'typed.ts': `const a: string = '';${seen('typed')}`,
    });
    const cli = new Cli(
      [
        ...ARGS,
        '--import',
        'apm/register',
        '--import',
        './lib/own.mjs',
        '--import',
        path.join(cwd, 'typed.ts'),
      ],
      { cwd },
    );
    expect(await answerOf(cli)).toEqual(['apm', 'own', 'typed']);
    // Once in the one worker, and not in the acceptor or the supervisor.
    expect(cli.stderr).toBe('loaded apm\nloaded own\nloaded typed\n');
  });

  test('load in every worker', async () => {
    const cwd = project({ 'own.mjs': seen('own') });
    const cli = new Cli([...ARGS, '--threads', '3', '--import', './own.mjs'], { cwd });
    await cli.url();
    expect(cli.stderr).toBe('loaded own\n'.repeat(3));
  });

  test('are separated by commas in TSGI_IMPORT', async () => {
    const cwd = project({ ...PACKAGE, 'own.mjs': seen('own') });
    const cli = new Cli(ARGS, { cwd, env: { TSGI_IMPORT: './own.mjs, apm/register' } });
    expect(await answerOf(cli)).toEqual(['own', 'apm']);
  });

  test('load in the caller’s thread with --threads 0', async () => {
    const cwd = project({ 'own.mjs': seen('own') });
    const cli = new Cli([...ARGS, '--threads', '0', '--import', './own.mjs'], { cwd });
    expect(await answerOf(cli)).toEqual(['own in the main thread']);
  });

  test('share modules with the application, compiled or not', async () => {
    const app = `import { list } from './shared.ts'; export default (environ: unknown, startResponse: Function): string => {
      startResponse(200, []);
      return JSON.stringify(list);
    };`;
    const cwd = project({
      'app.ts': app,
      'shared.ts': 'export const list: string[] = [];',
      'own.ts': "import { list } from './shared.ts'; list.push('own');",
    });
    const cli = new Cli(['app.ts', ...ARGS.slice(1), '--import', './own.ts'], { cwd });
    expect(await answerOf(cli)).toEqual(['own']);
  });

  test('are one or several in createServer, also for a function', async () => {
    const folder = project({ 'own.mjs': 'globalThis.ownWasLoaded = true;' });
    const own = path.join(folder, 'own.mjs');
    for (const given of [own, [own]]) {
      await using server = createServer(0, {
        app: (_, startResponse) => {
          startResponse(200, []);
          return String((globalThis as { ownWasLoaded?: boolean }).ownWasLoaded);
        },
        import: given,
      });
      await server.listen({ port: 0 });
      expect(await (await fetch(server.url)).text()).toBe('true');
    }
  });

  test('are loaded again at a reload, and --watch notices their changes', async () => {
    const cwd = project({ 'own.mjs': seen('old') });
    const cli = new Cli([...ARGS, '--watch', '--import', './own.mjs'], { cwd });
    expect(await answerOf(cli)).toEqual(['old']);
    writeFileSync(path.join(cwd, 'own.mjs'), seen('new'));
    while (!/reloaded in \d+ ms \(own\.mjs changed\)/.test(cli.stderr)) await once(cli.child.stderr!, 'data');
    expect(await answerOf(cli)).toEqual(['new']);
  });
});

describe('a module that cannot be loaded is named', () => {
  test.each<[string, string | RegExp]>([
    [
      './gone.mjs',
      /^tsgi-threads: Cannot find the module \.\/gone\.mjs \(--import\): \/\S+\/gone\.mjs does not exist\n$/,
    ],
    ['apm', /^tsgi-threads: Cannot find the module apm \(--import\): there is no such package for \/\S+\n$/],
    ['own.mjs', /there is no such package for \/\S+; did you mean \.\/own\.mjs\?\n$/],
    [
      './throws.ts',
      /^tsgi-threads: The module \.\/throws\.ts \(--import\) threw while it loaded: no agent\n {4}at .*throws\.ts:2:/,
    ],
    ['./broken.ts', /^tsgi-threads: Cannot compile the application: \S*broken\.ts:1:\d+: /],
  ])('%s', async (name, text) => {
    const cwd = project({
      'own.mjs': '',
      'throws.ts': "const what: string = 'agent';\nthrow new Error(`no ${what}`);",
      'broken.ts': 'const = 1;',
    });
    const { code, stderr } = await new Cli([...ARGS, '--import', name], { cwd }).finished();
    expect(stderr).toMatch(text);
    expect(stderr).not.toMatch(/dist[/\\]/);
    expect(code).toBe(1);
  });
});
