/**
 * `--watch`: the server serves a change without a restart, and shows and survives errors.
 */
import { once } from 'node:events';
import { rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { Cli } from '../support/cli.ts';
import { appFile } from '../support/server.ts';

const using = (text: string) => `
  import { word } from './word.ts';
  export default (environ: unknown, startResponse: (status: number, headers: []) => void): string => {
    startResponse(200, []);
    return '${text} ' + word;
  };
`;

async function start(
  source: string,
): Promise<{ cli: Cli; app: string; word: string; get: (accept?: string) => Promise<string> }> {
  const app = appFile(source, 'app.ts');
  const word = path.join(path.dirname(app), 'word.ts');
  writeFileSync(word, "export const word: string = 'one';");
  const cli = new Cli([app, '--port', '0', '--threads', '1', '--watch']);
  const url = await cli.url();
  const get = async (accept = '*/*') => {
    const response = await fetch(url, { headers: { accept } });
    return `${response.status} ${await response.text()}`;
  };
  return { cli, app, word, get };
}

const told = async (cli: Cli, text: string | RegExp) => {
  while (!new RegExp(text).test(cli.stderr)) await once(cli.child.stderr!, 'data');
  cli.stderr = '';
};

describe('--watch', () => {
  test('serves a change of the file or of its imports, and ignores a file beside it', async () => {
    const { cli, app, word, get } = await start(using('app'));
    expect(await get()).toBe('200 app one');
    writeFileSync(word, "export const word: string = 'two';");
    await told(cli, /reloaded in \d+ ms \(.*word\.ts changed\)/);
    expect(await get()).toBe('200 app two');
    writeFileSync(path.join(path.dirname(app), 'beside.ts'), 'export {};');
    writeFileSync(app, using('new'));
    await told(cli, /reloaded in \d+ ms \(.*app\.ts changed\)/);
    expect(await get()).toBe('200 new two');
    expect(cli.stderr).toBe('');
    cli.child.kill('SIGINT');
    expect((await cli.finished()).code).toBe(0);
  });

  test('shows code that does not compile, or throws, in the terminal and in the browser until it is corrected', async () => {
    const { cli, app, word, get } = await start(using('app'));
    writeFileSync(app, 'export default (');
    await told(cli, 'Cannot compile the application: .*app.ts:1:');
    expect(await get()).toMatch(
      /^500 Cannot compile the application: .*app\.ts:1:\d+: Unexpected end of file\n$/,
    );
    const page = await get('text/html');
    expect(page).toMatch(/^500 <!doctype html>/);
    expect(page).toContain('Unexpected end of file');
    writeFileSync(app, using('mended'));
    await told(cli, 'reloaded in');
    expect(await get()).toBe('200 mended one');
    writeFileSync(word, "export const word = ''; throw new Error('<no database>');");
    await told(cli, 'threw while it loaded: <no database>');
    expect(await get('text/html')).toContain('&lt;no database&gt;');
    writeFileSync(word, "export const word: string = 'three';");
    await told(cli, 'reloaded in');
    expect(await get()).toBe('200 mended three');
  });

  test('shows a failed start as well, and notices a missing file that appears', async () => {
    const { cli, word, get } = await start(using('app').replace('./word.ts', './missing.ts'));
    expect(await get()).toMatch(/^500 Cannot compile the application: .*Cannot find \.\/missing\.ts/);
    writeFileSync(word.replace('word.ts', 'missing.ts'), "export const word = 'found';");
    await told(cli, 'reloaded in');
    expect(await get()).toBe('200 app found');
    rmSync(word.replace('word.ts', 'missing.ts'));
    await told(cli, 'Cannot compile');
    expect(await get()).toMatch(/^500 /);
  });

  test.each([
    ['exports nothing', 'export const a = 1;', 'needs an application'],
    [
      'listens where it cannot',
      "import http from 'node:http'; http.createServer().listen({ fd: 0 });",
      'serves only TCP ports',
    ],
    ['exits', 'process.exit(3);', 'ended while it loaded'],
    ['throws', "throw new Error('no database');", 'no database'],
  ])('survives a start with code that %s', async (_, source, message) => {
    const { cli, app, get } = await start(source);
    expect(await get()).toMatch(new RegExp(`^500 .*${message}`));
    writeFileSync(app, using('mended'));
    await told(cli, 'reloaded in');
    expect(await get()).toBe('200 mended one');
  });

  test('ignores other files beside broken code, so that its output may go there', async () => {
    const { cli, app, get } = await start('export default (');
    const seen: string[] = [];
    cli.child.stderr!.on('data', (text: string) => seen.push(text));
    writeFileSync(path.join(path.dirname(app), 'output.log'), 'Cannot compile');
    writeFileSync(path.join(path.dirname(app), 'output'), 'Cannot compile');
    // Longer than the wait for further changes, and a load.
    await wait(500);
    writeFileSync(app, using('mended'));
    await told(cli, 'reloaded in');
    expect(await get()).toBe('200 mended one');
    expect(seen.join('')).toMatch(/^tsgi-threads: reloaded in \d+ ms \(.*app\.ts changed\)\n$/);
  });

  test('causes an error with --threads 0', async () => {
    const { code, stderr } = await new Cli([appFile('', 'app.ts'), '--threads', '0', '--watch']).finished();
    expect([code, stderr]).toEqual([
      2,
      expect.stringContaining('Option watch (--watch) needs worker threads'),
    ]);
  });
});
