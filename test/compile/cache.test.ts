/**
 * The folders for compiled files: only this user can write them, and every build in them is complete.
 */
import { spawn, spawnSync, type SpawnSyncReturns } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { compileProgram } from '../../dist/compile/typescript-program.js';
import { Cli } from '../support/cli.ts';
import { until } from '../support/until.ts';

const PROGRAM = new URL('../../dist/compile/typescript-program.js', import.meta.url).href;
const isRoot = process.getuid?.() === 0;
const STRANGER = 65_534;
const APP = `export default (environ: object, startResponse: (status: number, headers: []) => void): string => {
  startResponse(200, []); return 'compiled'; };`;

function folder(mode = 0o755): string {
  const made = realpathSync(mkdtempSync(path.join(tmpdir(), 'tsgi-cache-')));
  chmodSync(made, mode);
  onTestFinished(() => rmSync(made, { recursive: true, force: true }));
  return made;
}

/** A project with an application in it; `tmp` is its folder for temporary files. */
function project(): { root: string; app: string; modules: string; tmp: string } {
  const root = folder();
  const modules = path.join(root, 'node_modules');
  mkdirSync(modules);
  const app = path.join(root, 'app.ts');
  writeFileSync(app, APP);
  const tmp = path.join(root, 'tmp');
  mkdirSync(tmp);
  return { root, app, modules, tmp };
}

interface Options {
  readonly tmp: string;
  readonly cacheDir?: string;
  readonly uid?: number;
}

/** Compiles in a separate process, which prints the path of the compiled file, or the error. */
function compile(app: string, { tmp, cacheDir = '', uid }: Options): SpawnSyncReturns<string> {
  const code = `
    const { compileProgram } = await import(${JSON.stringify(PROGRAM)});
    try {
      const { url } = await compileProgram({ app: ${JSON.stringify(app)}, folders: ['/'] }, { imports: [], cacheDir: ${JSON.stringify(cacheDir)}, watch: false }, new Set());
      console.log(new URL(url).pathname);
    } catch (error) { console.log(error.code + ' ' + error.message); }`;
  const user = uid === undefined ? {} : { uid, gid: uid };
  return spawnSync(process.execPath, ['--input-type=module', '-e', code], {
    ...user,
    cwd: '/',
    env: { ...process.env, TMPDIR: tmp },
    encoding: 'utf8',
  });
}

function placeOf(app: string, options: Options): string {
  const { stdout, stderr } = compile(app, options);
  expect(stderr).toBe('');
  return path.dirname(stdout.trim());
}

const cacheOf = (root: string): string => path.join(root, 'node_modules', '.cache', 'tsgi-threads');
const privateOf = (tmp: string): string => path.join(tmp, `tsgi-threads-${process.getuid!()}`);

test('the cache is in the node_modules of the project if this user owns it', () => {
  const { root, app, tmp } = project();
  expect(path.dirname(placeOf(app, { tmp }))).toBe(cacheOf(root));
});

describe('a cache that another user can write is not used (A8)', () => {
  /** Changes that make a folder of the project untrustworthy. */
  const writable = (at: string) => chmodSync(at, 0o777);
  const byGroup = (at: string) => chmodSync(at, 0o775);
  const foreign = (at: string) => chownSync(at, STRANGER, STRANGER);

  const spoiled: [string, string, string, (at: string) => void][] = [
    ['the project', 'writable', '.', writable],
    ['the project', 'writable for its group', '.', byGroup],
    ['node_modules', 'writable', 'node_modules', writable],
    ['node_modules/.cache', 'writable', 'node_modules/.cache', writable],
    ['the cache', 'writable', 'node_modules/.cache/tsgi-threads', writable],
  ];
  const others: typeof spoiled = [
    ['the project', "another user's", '.', foreign],
    ['node_modules', "another user's", 'node_modules', foreign],
    ['node_modules/.cache', "another user's", 'node_modules/.cache', foreign],
    ['the cache', "another user's", 'node_modules/.cache/tsgi-threads', foreign],
  ];

  test.each([...spoiled, ...(isRoot ? others : [])])('%s that is %s', (_name, _how, at, spoil) => {
    const { root, app, tmp } = project();
    mkdirSync(cacheOf(root), { recursive: true, mode: 0o700 });
    spoil(path.join(root, at));
    expect(path.dirname(placeOf(app, { tmp }))).toBe(privateOf(tmp));
    expect(readdirSync(cacheOf(root))).toEqual([]);
  });

  test('a project inside a folder of another user', () => {
    const shared = folder(0o777);
    mkdirSync(path.join(shared, 'node_modules'));
    const own = path.join(shared, 'own');
    mkdirSync(own);
    writeFileSync(path.join(own, 'app.ts'), APP);
    const tmp = folder();
    expect(path.dirname(placeOf(path.join(own, 'app.ts'), { tmp }))).toBe(privateOf(tmp));
    expect(readdirSync(path.join(shared, 'node_modules'))).toEqual([]);
  });

  test.each(['node_modules', 'node_modules/.cache', 'node_modules/.cache/tsgi-threads'])(
    '%s that is a symbolic link',
    (at) => {
      const { root, app, tmp } = project();
      const elsewhere = folder();
      rmSync(path.join(root, 'node_modules'), { recursive: true });
      mkdirSync(path.dirname(path.join(root, at)), { recursive: true });
      symlinkSync(elsewhere, path.join(root, at));
      expect(path.dirname(placeOf(app, { tmp }))).toBe(privateOf(tmp));
      expect(readdirSync(elsewhere)).toEqual([]);
    },
  );

  test('an existing build with a file of another user', { skip: !isRoot }, () => {
    const { app, tmp } = project();
    const build = placeOf(app, { tmp });
    const file = path.join(
      build,
      readdirSync(build).find((name) => name.endsWith('.cjs'))!,
    );
    const good = readFileSync(file, 'utf8');
    chownSync(file, STRANGER, STRANGER);
    expect(placeOf(app, { tmp })).toBe(build);
    expect(readFileSync(file, 'utf8')).toBe(good);
    expect(spawnSync('stat', ['-c', '%u', file], { encoding: 'utf8' }).stdout.trim()).toBe('0');
  });

  const squats: [string, (own: string) => void][] = [
    ['has mode 777', (own) => (mkdirSync(own), chmodSync(own, 0o777))],
    ['is a symbolic link', (own) => symlinkSync('/', own)],
  ];
  const squatted: typeof squats = [
    ["is another user's", (own) => (mkdirSync(own), chownSync(own, STRANGER, STRANGER))],
  ];

  test.each([...squats, ...(isRoot ? squatted : [])])(
    'the folder for temporary files contains the server’s folder, which %s',
    (_, make) => {
      const { root, app, tmp, modules } = project();
      chmodSync(modules, 0o777);
      make(privateOf(tmp));
      const build = placeOf(app, { tmp });
      expect(build.startsWith(root)).toBe(false);
      expect(build.startsWith('/dev/shm/')).toBe(true);
      rmSync(build, { recursive: true });
    },
  );

  test('a folder for temporary files that every user may write, without the sticky bit', () => {
    const { app, tmp, modules } = project();
    chmodSync(modules, 0o777);
    chmodSync(tmp, 0o777);
    expect(placeOf(app, { tmp }).startsWith('/dev/shm/')).toBe(true);
    expect(readdirSync(tmp)).toEqual([]);
    chmodSync(tmp, 0o1777);
    expect(placeOf(app, { tmp }).startsWith(privateOf(tmp))).toBe(true);
  });
});

describe('a build in the cache is checked for completeness before use (A22)', () => {
  const damages: [string, (build: string) => void][] = [
    ['truncated', (build) => truncateSync(path.join(build, fileOf(build)), 10)],
    ['empty', (build) => truncateSync(path.join(build, fileOf(build)), 0)],
    ['missing a file', (build) => unlinkSync(path.join(build, 'manifest.json'))],
    ['of the right size with other text', (build) => overwrite(path.join(build, fileOf(build)))],
    ['a file', (build) => (rmSync(build, { recursive: true }), writeFileSync(build, ''))],
    ['given a file more', (build) => writeFileSync(path.join(build, 'more.cjs'), '')],
  ];
  const fileOf = (build: string) => readdirSync(build).find((name) => name.endsWith('.cjs'))!;
  const overwrite = (file: string) => writeFileSync(file, '/'.repeat(readFileSync(file).length));

  test.each(damages)('a build that is %s is written again', (_, damage) => {
    const { app, tmp } = project();
    const build = placeOf(app, { tmp });
    const files = () => readdirSync(build).map((name) => readFileSync(path.join(build, name), 'utf8'));
    const good = files();
    damage(build);
    expect(placeOf(app, { tmp })).toBe(build);
    expect(files()).toEqual(good);
    expect(readdirSync(path.dirname(build))).toEqual([path.basename(build)]);
  });

  test('a server starts from a damaged cache', async () => {
    const { app, tmp } = project();
    const build = placeOf(app, { tmp });
    for (const name of readdirSync(build)) truncateSync(path.join(build, name), 0);
    const cli = new Cli([app, '--port', '0', '--threads', '1'], { env: { TMPDIR: tmp } });
    expect(await (await fetch(await cli.url())).text()).toBe('compiled');
  });

  test('a process killed in the middle of a write leaves no partial build under its name', async () => {
    const { root, app, tmp } = project();
    const sources = Array.from({ length: 300 }, (_, index) => `part${index}.ts`);
    for (const name of sources)
      writeFileSync(path.join(root, name), `export const text: string = '${name.repeat(500)}';`);
    writeFileSync(app, sources.map((name) => `import './${name}';`).join('\n'));
    const cache = cacheOf(root);
    const code = `
      const { compileProgram } = await import(${JSON.stringify(PROGRAM)});
      await compileProgram({ app: ${JSON.stringify(app)}, folders: ['/'] }, { imports: [], cacheDir: '', watch: false }, new Set());`;
    // The writes are synchronous, so another process kills this one as soon as it sees the first files.
    const child = spawn(process.execPath, ['--input-type=module', '-e', code], { stdio: 'ignore' });
    const closed = once(child, 'close');
    const seen = (): string[] => (existsSync(cache) ? readdirSync(cache) : []);
    await until(() => seen().length !== 0 || child.exitCode !== null);
    child.kill('SIGKILL');
    await closed;
    expect(seen()).toHaveLength(1);
    expect(seen()[0]).toMatch(/^[0-9a-f]{16}\.\d+\.\d+$/);
    const build = placeOf(app, { tmp });
    expect(readdirSync(build).filter((name) => name.endsWith('.cjs'))).toHaveLength(301);
  });
});

describe('another folder replaces a folder that cannot be used (C25)', () => {
  test('one start as root does not prevent later starts by the service user', { skip: !isRoot }, () => {
    const { root, app, tmp } = project();
    chmodSync(tmp, 0o1777);
    placeOf(app, { tmp });
    // The state after older versions: the service user owns node_modules, and root owns the cache in it.
    chownSync(root, STRANGER, STRANGER);
    chownSync(path.join(root, 'node_modules'), STRANGER, STRANGER);
    const build = placeOf(app, { tmp, uid: STRANGER });
    expect(path.dirname(build)).toBe(path.join(tmp, `tsgi-threads-${STRANGER}`));
  });

  test('a full disk of the project moves the cache to another folder', { skip: !isRoot }, () => {
    const { root, app, modules } = project();
    const full = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=4k,mode=755', 'tmpfs', modules]);
    if (full.status !== 0) return;
    onTestFinished(() => void spawnSync('umount', [modules]));
    const tmp = folder();
    writeFileSync(path.join(root, 'app.ts'), `${APP}\nexport const more = '${'text'.repeat(5000)}';`);
    expect(path.dirname(placeOf(app, { tmp }))).toBe(privateOf(tmp));
  });

  test.each([
    ['a file', (tmp: string) => (rmSync(tmp, { recursive: true }), writeFileSync(tmp, ''), tmp)],
    ['missing', (tmp: string) => path.join(tmp, 'gone')],
    ['/proc', () => '/proc'],
  ])('the folder for temporary files is %s', (_, spoil) => {
    const { app, tmp, modules } = project();
    chmodSync(modules, 0o777);
    expect(placeOf(app, { tmp: spoil(tmp) }).startsWith('/dev/shm/')).toBe(true);
  });

  test('the error of the library has the code of the cache', async () => {
    const { app } = project();
    const program = compileProgram(
      { app, folders: ['/'] },
      { imports: [], cacheDir: app, watch: false },
      new Set(),
    );
    await expect(program).rejects.toMatchObject({ code: 'TSGI_ERR_CACHE' });
  });

  test('--cache-dir and TSGI_CACHE_DIR replace all other folders', async () => {
    const { app, tmp } = project();
    const chosen = path.join(folder(), 'not', 'yet');
    for (const [args, env] of [
      [['--cache-dir', chosen], {}],
      [[], { TSGI_CACHE_DIR: chosen }],
    ] as const) {
      const cli = new Cli([app, '--port', '0', '--threads', '1', ...args], { env: { TMPDIR: tmp, ...env } });
      expect(await (await fetch(await cli.url())).text()).toBe('compiled');
      expect(readdirSync(chosen)).toHaveLength(1);
      rmSync(chosen, { recursive: true });
    }
  });

  test('an unusable folder of --cache-dir causes an error that names it', () => {
    const { app, tmp, root } = project();
    const shared = folder(0o777);
    const { stdout } = compile(app, { tmp, cacheDir: shared });
    expect(stdout).toBe(
      `TSGI_ERR_CACHE Cannot store the compiled application. ${shared}: other users can write it (mode 777). Correct the folder, or name another one with --cache-dir (TSGI_CACHE_DIR).\n`,
    );
    const file = path.join(root, 'app.ts', 'cache');
    expect(compile(app, { tmp, cacheDir: file }).stdout).toContain(`${file}: it is a file (ENOTDIR)`);
  });

  test(
    'an error names each unusable folder with its reason if no folder is usable',
    { skip: !isRoot },
    () => {
      const { root, app, modules } = project();
      // The user `nobody` may write neither folder. Files of other tests in shared memory belong to root.
      const squatted = `/dev/shm/tsgi-threads-${STRANGER}`;
      mkdirSync(squatted, { recursive: true });
      onTestFinished(() => rmSync(squatted, { recursive: true, force: true }));
      const { stdout } = compile(app, { tmp: path.join(root, 'tmp'), uid: STRANGER });
      expect(stdout).toMatch(/^TSGI_ERR_CACHE Cannot store the compiled application\. /);
      expect(stdout).toContain(
        `${modules}: it belongs to user 0, and this process runs as user ${STRANGER}; `,
      );
      expect(stdout).toContain(`tmp/tsgi-threads-${STRANGER}: this user may not write it (EACCES); `);
      expect(stdout).toContain(
        `${squatted}: it belongs to user 0, and this process runs as user ${STRANGER}. `,
      );
      expect(stdout).toContain('--cache-dir');
      expect(stdout).toContain('tsgi-threads build');
    },
  );
});

test('plain JavaScript needs no folder', () => {
  const root = folder();
  const app = path.join(root, 'app.mjs');
  writeFileSync(app, 'export default () => 1;');
  expect(compile(app, { tmp: '/proc', cacheDir: '/proc/none' }).stdout.trim()).toBe(app);
  expect(readdirSync(root)).toEqual(['app.mjs']);
});

test('the process of esbuild ends when the server is ready, and stays for --watch (C25)', async () => {
  const { app, tmp } = project();
  const processes = (pid: number): string[] => {
    const { stdout } = spawnSync('ps', ['-o', 'pid=,args=', '--ppid', String(pid)], { encoding: 'utf8' });
    const lines = stdout.split('\n').filter((line) => line !== '');
    return lines.flatMap((line) => [line, ...processes(Number.parseInt(line, 10))]);
  };
  for (const [flag, count] of [
    ['--supervise', 0],
    ['--no-supervise', 0],
    ['--watch', 1],
  ] as const) {
    const cli = new Cli([app, '--port', '0', '--threads', '1', flag], { env: { TMPDIR: tmp } });
    await cli.url();
    const found = processes(cli.child.pid!).filter((line) => /esbuild.* --service/.test(line));
    expect([flag, found.length], found.join('\n')).toEqual([flag, count]);
    cli.child.kill();
    await cli.finished();
  }
});

test('compiled files are readable only by their owner', () => {
  const { app, tmp } = project();
  const build = placeOf(app, { tmp });
  const { stdout } = spawnSync(
    'stat',
    ['-c', '%a', build, ...readdirSync(build).map((name) => path.join(build, name))],
    {
      encoding: 'utf8',
    },
  );
  expect(new Set(stdout.trim().split('\n'))).toEqual(new Set(['700', '600']));
});
