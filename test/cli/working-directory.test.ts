/**
 * The working directory is deleted and created again while a server runs, like in deployments.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { Cli } from '../support/cli.ts';
import { appFile } from '../support/server.ts';
import { until } from '../support/until.ts';

const app = (version: string) => `
  export default (environ, startResponse) => {
    if (environ.PATH_INFO === '/exit') process.exit();
    startResponse(200, []);
    return JSON.stringify({ version: ${JSON.stringify(version)}, cwd: process.cwd(), pid: process.pid });
  };
`;

/** A folder that a deployment fills, and the file in it. */
function site(name: string): { folder: string; deploy: (version: string) => void; remove: () => void } {
  const folder = path.join(realpathSync(path.dirname(appFile(''))), 'site');
  const remove = () => rmSync(folder, { recursive: true, force: true });
  const deploy = (version: string) => {
    remove();
    mkdirSync(path.join(folder, 'node_modules'), { recursive: true });
    writeFileSync(path.join(folder, name), app(version));
  };
  deploy('one');
  return { folder, deploy, remove };
}

interface Answer {
  readonly version: string;
  readonly cwd: string;
  readonly pid: number;
}

const ask = (url: string): Promise<Answer> =>
  until(async () => {
    const response = await fetch(url, { headers: { connection: 'close' } }).catch(() => undefined);
    return response?.status === 200 && ((await response.json()) as Answer);
  });
const replaceWorker = async (url: string): Promise<Answer> => {
  expect((await fetch(`${url}/exit`)).status).toBe(502);
  return ask(url);
};

describe.each(['app.mjs', 'app.ts'])(
  '%s in a working directory that was deleted and created again',
  (name) => {
    test.each(['--supervise', '--no-supervise'])(
      'workers are replaced and the application is reloaded, %s (A9)',
      async (flag) => {
        const { folder, deploy } = site(name);
        const cli = new Cli([name, '--port', '0', '--threads', '1', flag], { cwd: folder });
        const url = await cli.url();
        expect(await ask(url)).toMatchObject({ version: 'one', cwd: folder });
        deploy('two');
        expect(await replaceWorker(url)).toMatchObject({ version: 'two', cwd: folder });
        expect(cli.stderr).toContain(`Entered the working directory ${folder} again`);
        deploy('three');
        cli.child.kill('SIGHUP');
        while (!/reloaded in/.test(cli.stderr)) await once(cli.child.stderr!, 'data');
        expect(await ask(url)).toMatchObject({ version: 'three', cwd: folder });
      },
    );
  },
);

test('a process that dies is replaced in the new working directory (A9)', async () => {
  const { folder, deploy } = site('app.mjs');
  const cli = new Cli(['app.mjs', '--port', '0', '--threads', '1'], { cwd: folder });
  const url = await cli.url();
  const { pid } = await ask(url);
  deploy('two');
  process.kill(pid, 'SIGKILL');
  const answer = await ask(url);
  expect(answer).toMatchObject({ version: 'two', cwd: folder });
  expect(answer.pid).not.toBe(pid);
});

test('workers and processes start in the parent folder until the working directory exists again (A9)', async () => {
  const { folder, deploy, remove } = site('app.mjs');
  const elsewhere = appFile(app('absolute'));
  const cli = new Cli([elsewhere, '--port', '0', '--threads', '1'], { cwd: folder });
  const url = await cli.url();
  const { pid } = await ask(url);
  remove();
  expect((await replaceWorker(url)).cwd).toBe(path.dirname(folder));
  process.kill(pid, 'SIGKILL');
  expect((await ask(url)).cwd).toBe(path.dirname(folder));
  expect(cli.stderr).toContain(
    `The working directory ${folder} was deleted: entered ${path.dirname(folder)} until it exists again`,
  );
  deploy('two');
  process.kill((await ask(url)).pid, 'SIGKILL');
  expect((await ask(url)).cwd).toBe(folder);
});

const HOST = `
  import { createServer } from '${new URL('../../dist/index.js', import.meta.url).href}';
  const server = createServer(1, { app: 'app.mjs' });
  await server.listen(0);
  process.send(server.url);
  process.on('message', (folder) => {
    if (folder !== '') process.chdir(folder);
    process.send(process.cwd());
  });
`;

describe('createServer', () => {
  const host = async (folder: string) => {
    const program = appFile(HOST, 'host.mjs');
    const child = spawn(process.execPath, [program], {
      cwd: folder,
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    onTestFinished(() => void child.kill('SIGKILL'));
    const [url] = (await once(child, 'message')) as [string];
    const tell = async (text: string) => {
      child.send(text);
      return ((await once(child, 'message')) as [string])[0];
    };
    return { url, tell };
  };

  test('replaces its workers in a new working directory (A9)', async () => {
    const { folder, deploy } = site('app.mjs');
    const { url, tell } = await host(folder);
    deploy('two');
    expect(await replaceWorker(url)).toMatchObject({ version: 'two', cwd: folder });
    expect(await tell('')).toBe(folder);
  });

  test('leaves a directory that its host has chosen (A9)', async () => {
    const { folder, deploy } = site('app.mjs');
    const { url, tell } = await host(folder);
    expect(await tell(path.dirname(folder))).toBe(path.dirname(folder));
    deploy('two');
    expect(await replaceWorker(url)).toMatchObject({ version: 'two', cwd: path.dirname(folder) });
    expect(await tell('')).toBe(path.dirname(folder));
  });
});
