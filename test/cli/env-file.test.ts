/**
 * `--env-file`: its variables apply to the server and to the application.
 */
import { once } from 'node:events';
import { rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { Cli } from '../support/cli.ts';
import { appFile } from '../support/server.ts';

/** An application that answers with its process id and its values of GREETING and OTHER, with files beside it. */
function project(files: Record<string, string>): { app: string; file: (name: string) => string } {
  const app = appFile(`export default (environ, startResponse) => {
    if (environ.PATH_INFO === '/die') process.kill(process.pid, 'SIGKILL');
    startResponse(200, []);
    return JSON.stringify([process.pid, process.env.GREETING, process.env.OTHER]);
  };`);
  const file = (name: string) => path.join(path.dirname(app), name);
  for (const [name, text] of Object.entries(files)) writeFileSync(file(name), text);
  return { app, file };
}

const answerOf = async (url: string) => (await (await fetch(url)).json()) as [number, string, string];

test.each([[[]], [['--no-supervise']], [['--threads', '0']]])(
  'with %j, a file sets options, NODE_ENV and the application’s variables',
  async (args) => {
    const { app, file } = project({
      '.env': '# ours\nPORT=0\nTSGI_THREADS=1\nexport NODE_ENV=production\nGREETING="hello # world"\n',
    });
    const cli = new Cli([app, '--env-file', file('.env'), ...args], { env: { NODE_ENV: undefined } });
    const url = await cli.url();
    // Like PORT on a hosting platform.
    expect(url).toMatch(/^http:\/\/0\.0\.0\.0:/);
    expect(cli.stdout).toMatch(
      /with (1 worker|the main thread), ready in \d+ ms \(app\.mjs as tsgi: .*\)\n$/,
    );
    expect((await answerOf(url)).slice(1)).toEqual(['hello # world', null]);
  },
);

test('a later file overrides an earlier one, set variables override both, and a flag overrides all', async () => {
  const { app, file } = project({
    'one.env': 'GREETING=one\nOTHER=one\nTSGI_THREADS=nonsense\nPORT=70000',
    'two.env': 'GREETING=two\nOTHER=two\nTSGI_THREADS=1',
  });
  const files = ['--env-file', file('one.env'), '--env-file', file('two.env')];
  const cli = new Cli([app, ...files, '--port', '0'], { env: { OTHER: 'set' } });
  expect((await answerOf(await cli.url())).slice(1)).toEqual(['two', 'set']);
});

test('a wrong value causes an error that names its variable', async () => {
  const { app, file } = project({ '.env': 'TSGI_INTERFACE=nod' });
  const { code, stderr } = await new Cli([app, '--env-file', file('.env')]).finished();
  expect([code, stderr]).toEqual([
    2,
    'tsgi-threads: Option interface (TSGI_INTERFACE) is invalid: "nod"; it takes auto, tsgi, fetch or node; did you mean node?\n',
  ]);
});

test('an unreadable file causes one line, from Node itself if Node reads the file', async () => {
  const { app, file } = project({});
  const args = [app, '--env-file', 'gone.env'];
  expect(await new Cli(args).finished()).toMatchObject({
    code: 9,
    stderr: expect.stringMatching(/^\S+: gone\.env: not found\n$/),
  });
  expect(await new Cli(args, { node: ['--'] }).finished()).toMatchObject({
    code: 2,
    stderr: 'tsgi-threads: Option envFile (--env-file) is invalid: "gone.env"; there is no such file\n',
  });
  const folder = path.dirname(file('.'));
  const { code, stderr } = await new Cli([app, '--env-file', folder], { node: ['--'] }).finished();
  expect([code, stderr]).toEqual([2, expect.stringMatching(/"; EISDIR[^\n]*\n$/)]);
});

test('the file is read once: a restarted process keeps the same variables', async () => {
  const { app, file } = project({ '.env': 'GREETING=hello' });
  const cli = new Cli([app, '--port', '0', '--threads', '1', '--env-file', file('.env')]);
  const url = await cli.url();
  const [pid] = await answerOf(url);
  rmSync(file('.env'));
  await fetch(`${url}/die`).catch(() => {});
  while (!cli.stderr.includes('serves again')) await once(cli.child.stderr!, 'data');
  const [now, greeting] = await answerOf(url);
  expect([now === pid, greeting]).toEqual([false, 'hello']);
});

test.each([[[]], [['--no-supervise']]])(
  'names of properties of every object are set like other names, with %j (A27)',
  async (args) => {
    const { file } = project({
      '.env':
        'constructor=x\ntoString=y\n__proto__=z\n  export hasOwnProperty = "h"\nGREETING="a\n__proto__=b"\n',
    });
    const app = appFile(`export default (environ, startResponse) => {
      startResponse(200, []);
      const { constructor, toString, __proto__, hasOwnProperty, GREETING } = process.env;
      return JSON.stringify([constructor, toString, __proto__, hasOwnProperty, GREETING]);
    };`);
    const cli = new Cli([app, '--port', '0', '--threads', '1', '--env-file', file('.env'), ...args]);
    expect(await (await fetch(await cli.url())).json()).toEqual(['x', 'y', 'z', 'h', 'a\n__proto__=b']);
  },
);

test.each([[[]], [['--no-supervise']]])(
  "Node's variables between a process and its children are ignored with a line, with %j (A27)",
  async (args) => {
    const { app, file } = project({
      '.env':
        'NODE_CHANNEL_FD=7\nNODE_UNIQUE_ID=3\nNODE_CHANNEL_SERIALIZATION_MODE=advanced\nTSGI_SUPERVISED=1\nGREETING=hello\n',
    });
    const cli = new Cli([app, '--port', '0', '--threads', '1', '--env-file', file('.env'), ...args]);
    const [pid, greeting] = await answerOf(await cli.url());
    expect(greeting).toBe('hello');
    for (const name of ['NODE_CHANNEL_FD', 'NODE_UNIQUE_ID', 'NODE_CHANNEL_SERIALIZATION_MODE'])
      expect(cli.stderr).toContain(`tsgi-threads: ${name} in a file of --env-file is ignored`);
    if (args.length === 0) {
      process.kill(pid, 'SIGKILL');
      while (!cli.stderr.includes('serves again')) await once(cli.child.stderr!, 'data');
    }
    cli.child.kill('SIGTERM');
    expect((await cli.finished()).code).toBe(0);
  },
);

test('NODE_OPTIONS apply to the serving process; without a supervisor a line reports that they cannot (A27)', async () => {
  const { file } = project({ '.env': 'NODE_OPTIONS=--title=named\n' });
  const app = appFile(
    'export default (environ, startResponse) => { startResponse(200, []); return process.title; };',
  );
  const args = [app, '--port', '0', '--threads', '1', '--env-file', file('.env')];
  expect(await (await fetch(await new Cli(args).url())).text()).toBe('named');
  const cli = new Cli([...args, '--no-supervise']);
  await cli.url();
  expect(cli.stderr).toContain('NODE_OPTIONS in a file of --env-file has no effect here');
});
