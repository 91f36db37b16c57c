/**
 * Failed starts from a user's view: one line that names the object and the remedy, and an exit code.
 */
import { once } from 'node:events';
import { chmodSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { Cli } from '../support/cli.ts';
import { appFile } from '../support/server.ts';

const HELLO = `export default (environ, startResponse) => { startResponse(200, []); return 'hello'; };`;

describe('start errors have one line, the remedy, and no stack of the server', () => {
  test.each([
    [[], 2, "missing required argument 'app'; tsgi-threads --help lists all options\n"],
    [['app.ts', '--prot', '80'], 2, "unknown option '--prot'; did you mean --port?\n"],
    [['app.ts', '--workers', '4'], 2, "unknown option '--workers'; did you mean --threads?\n"],
    [['app.ts', '-w', '4'], 2, "unknown option '-w'; did you mean --threads?\n"],
    [
      ['app.ts', '--bind=0.0.0.0:80'],
      2,
      "unknown option '--bind=0.0.0.0:80'; did you mean --host and --port?\n",
    ],
    [
      ['app.ts', '--watch=true'],
      2,
      'Option watch (--watch=true) is invalid: it takes no value; write --watch to',
    ],
    [
      ['app.ts', '--validate', 'false'],
      2,
      'Option validate (--validate false) is invalid: it takes no value; ',
    ],
    [
      ['--no-supervise', 'yes', 'app.ts'],
      2,
      'Option supervise (--no-supervise yes) is invalid: it takes no value; ',
    ],
    [
      ['app.ts', '--threads', ''],
      2,
      'Option threads (--threads) is invalid: ""; it takes \'auto\' or a whole number, 0 to 64; give it a value, or leave it out',
    ],
    [['app.ts', '--threads', '0x2'], 2, 'Option threads (--threads) is invalid: "0x2"; it takes'],
    [['app.ts', '--threads', '1e1'], 2, 'Option threads (--threads) is invalid: "1e1"; it takes'],
    [
      ['app.ts', '--max-buffered', '100GiB'],
      2,
      'Option maxBuffered (--max-buffered) is invalid: "100GiB"; it takes',
    ],
    [['app.ts', '-x'], 2, "unknown option '-x'; tsgi-threads --help lists all options\n"],
    [['app.ts', '--port'], 2, "option '-p, --port <number>' argument missing; tsgi-threads --help"],
    [
      ['app.ts', '--port', '70000'],
      2,
      'Option port (--port) is invalid: "70000"; it takes a whole number, 0 to 65535',
    ],
    [
      ['app.ts', '--max-body-size', '5 apples'],
      2,
      'Option maxBodySize (--max-body-size) is invalid: "5 apples"; it takes a size such as 10MiB, 0B or more',
    ],
    [['app.ts', '--threads', '-1'], 2, 'Option threads (--threads) is invalid: -1; it takes'],
    [
      ['app.ts', '--interface', 'nodes'],
      2,
      'Option interface (--interface) is invalid: "nodes"; it takes auto, tsgi, fetch or node; did you mean node?',
    ],
    [
      ['app.ts', '--interface', 'servlet'],
      2,
      'Option interface (--interface) is invalid: "servlet"; it takes auto, tsgi, fetch or node\n',
    ],
    [
      ['app.ts', '--import', 'a', '--import', ''],
      2,
      'Option import (--import) is invalid: ["a",""]; it takes the name of a module, or several',
    ],
    [['app.ts', '8080'], 2, 'too many arguments. Expected 1 argument but got 2; tsgi-threads --help'],
    [['--', 'app.ts'], 2, "missing required argument 'app'"],
    [
      ['missing.ts'],
      1,
      `Cannot find the application: missing.ts does not exist; tried ${path.resolve('missing.ts')} (${process.cwd()} is the working directory)\n`,
    ],
    [['/is/not/there.ts'], 1, 'Cannot find the application: /is/not/there.ts does not exist\n'],
    [['.'], 1, 'Cannot use . as the application: it is a folder; give a file in it\n'],
    [['LICENSE.md'], 1, 'Cannot find the application: LICENSE.md does not exist; tried '],
    [['README.md'], 1, 'Cannot use README.md as the application: give a file that ends with one of .ts'],
  ])('%j ends with %d', async (args, code, text) => {
    const { code: got, stderr, stdout } = await new Cli(args as string[]).finished();
    expect(stderr.startsWith(`tsgi-threads: ${text}`), stderr).toBe(true);
    expect(stderr).toMatch(/^[^\n]+\n$/);
    expect([got, stdout]).toEqual([code, '']);
  });

  test.each([
    [
      'app.ts',
      'export default (a) => {\n  return a +;\n};\n',
      /^tsgi-threads: Cannot compile the application: \S*app\.ts:2:13: Unexpected ";"\n$/,
    ],
    [
      'app.mjs',
      'export const nothing = 1;\n',
      /^tsgi-threads: Cannot use the application: the file needs an application as its default export \(a function, an object with fetch, an app of a framework\), or a call of listen, and it exports nothing; name another export with file:name, or file:name\(\) for a factory\n$/,
    ],
    ['app.ts', "import './gone';\nexport default () => '';\n", /app\.ts:1:8: Cannot find \.\/gone/],
    ['app.ts', '', /, and it exports nothing; name another/],
    [
      'app.ts',
      "import { a } from './app.ts'; export default a;\n",
      /exports default, which is undefined; name/,
    ],
    ['app.mjs', 'export default [];\n', /, and that is an array; name another/],
    [
      'app.mts',
      "import 'gone';\n",
      /: Cannot find package 'gone' imported from \S+\/app\.mts; install it, or correct its name\n$/,
    ],
    [
      'app.cts',
      "require('gone');\n",
      /: Cannot find module 'gone', required by \S+\/app\.cts; install it, or correct its name\n {4}at /,
    ],
    [
      'app.mts',
      "import { a } from './app.mts'; export default a;\n",
      /module '\.\/app\.mts' does not provide an export named 'a'\n$/,
    ],
    [
      'app.mjs',
      'process.exit(3);\n',
      /^tsgi-threads: The worker ended while it loaded the application: worker exited with code: 3\n$/,
    ],
  ])('%s that cannot be used: %j', async (name, source, line) => {
    const { code, stderr } = await new Cli([appFile(source, name)]).finished();
    expect(stderr).toMatch(line);
    expect(code).toBe(1);
  });

  test('an application that throws while it loads is shown with its own frames', async () => {
    const app = appFile("const a: number = 1;\nthrow new Error('no database ' + a);\n", 'app.mts');
    const { code, stderr } = await new Cli([app]).finished();
    expect(stderr).toMatch(/^tsgi-threads: The application threw while it loaded: no database 1\n/);
    expect(stderr).toContain(`${app}:2:`);
    expect(stderr).not.toMatch(/dist[/\\]worker/);
    expect(code).toBe(1);
  });

  test('an application that never loads ends at the boot timeout', async () => {
    const app = appFile(
      'await new Promise((resolve) => setTimeout(resolve, 60_000)); export default () => {};',
    );
    const { code, stderr } = await new Cli([app, '--boot-timeout', '2s']).finished();
    expect(stderr).toContain('The application did not load within 2 s. Raise --boot-timeout');
    expect(code).toBe(1);
  });

  const LOADED = `console.error('it has loaded'); ${HELLO}`;
  test.each<[string, string, (port: string) => [string[], Record<string, string>]]>([
    ['a flag', '', (port) => [['--port', port], {}]],
    ['a variable', '', (port) => [[], { TSGI_PORT: port }]],
    // A program may listen elsewhere, so the server binds the port after it knows that the application only exports.
    ['PORT', 'it has loaded\n', (port) => [[], { PORT: port, TSGI_HOST: '127.0.0.1' }]],
    ['a flag, without a supervisor', 'it has loaded\n', (port) => [['--port', port, '--no-supervise'], {}]],
  ])('a port in use names the port and the flag, given by %s', async (_, loaded, given) => {
    const other = net.createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as net.AddressInfo;
    const [args, env] = given(String(port));
    const cli = new Cli([appFile(LOADED), '--threads', '1', ...args], { env });
    const { code, stderr } = await cli.finished();
    other.close();
    expect(stderr).toBe(
      `${loaded}tsgi-threads: Cannot listen on 127.0.0.1:${port}: port ${port} is in use. Stop the program that uses it, or choose another port with --port\n`,
    );
    expect(code).toBe(1);
  });

  test('an address of another machine causes an error that names its host', async () => {
    const { code, stderr } = await new Cli([appFile(HELLO), '--host', '192.0.2.1', '--port', '0']).finished();
    expect([code, stderr]).toEqual([
      1,
      'tsgi-threads: Cannot listen on 192.0.2.1:0: 192.0.2.1 is not an address of this machine. Choose another host with --host\n',
    ]);
  });

  test('an invalid package.json causes an error that names it', async () => {
    const app = appFile(HELLO, 'app.js');
    writeFileSync(path.join(path.dirname(app), 'package.json'), '{');
    const { code, stderr } = await new Cli([app]).finished();
    expect(stderr).toMatch(/^tsgi-threads: Cannot compile the application: \S*package\.json: [^\n]+\n$/);
    expect(code).toBe(1);
  });

  // The superuser may read everything.
  test.skipIf(process.getuid?.() === 0)('an unreadable file causes an error that names it', async () => {
    const app = appFile(HELLO);
    chmodSync(app, 0);
    const { code, stderr } = await new Cli([app]).finished();
    expect(stderr).toBe(
      `tsgi-threads: Cannot compile the application: EACCES: permission denied, open '${app}'\n`,
    );
    expect(code).toBe(1);
  });

  test('an uncaught error during the load is shown with its own frames', async () => {
    const app = appFile("setTimeout(() => { throw new Error('later'); }); await new Promise(() => {});");
    const { code, stderr } = await new Cli([app]).finished();
    expect(stderr.split('\n')).toEqual([
      'tsgi-threads: The worker ended while it loaded the application: later',
      expect.stringContaining(`${app}:1:26`),
      '',
    ]);
    expect(code).toBe(1);
  });
});
