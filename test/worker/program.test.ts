/**
 * Whole programs: files that listen by themselves run unmodified.
 */
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { Cli } from '../support/cli.ts';
import { freePort } from '../support/ports.ts';
import { appFile, serveFile } from '../support/server.ts';

const ESM = `import http from 'node:http';\n`;
const CJS = `const http = require('node:http');\n`;

/** The process that a supervisor watches. */
function childOf(pid: number): number {
  return Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ')[0]);
}

async function text(url: string, where = '/'): Promise<string> {
  return (await fetch(url + where)).text();
}

describe('the address of a program', () => {
  test.each([
    ['listen(port)', (port: number) => `server.listen(${port})`],
    ['listen(port, host, callback)', (port: number) => `server.listen(${port}, '127.0.0.1', () => {})`],
    ['listen({ port, host })', (port: number) => `server.listen({ port: ${port}, host: 'localhost' })`],
    ['a port that is text', (port: number) => `server.listen('${port}')`],
  ])('%s: on the port that the program asked for', async (_, listen) => {
    const port = await freePort();
    const app = appFile(
      `${ESM}const server = http.createServer((request, response) => response.end('here'));\n${listen(port)};`,
    );
    const cli = new Cli([app, '--threads', '2']);
    expect(new URL(await cli.url()).port).toBe(String(port));
    expect(await text(`http://127.0.0.1:${port}`)).toBe('here');
  });

  test('a flag, a variable and an argument of listen() override the program', async () => {
    const app = appFile(
      `${ESM}http.createServer((request, response) => response.end('here')).listen(${await freePort()});`,
    );
    const [byFlag, byVariable] = [await freePort(), await freePort()];
    const first = new Cli([app, '--threads', '1', '--port', String(byFlag)]);
    expect(new URL(await first.url()).port).toBe(String(byFlag));
    const second = new Cli([app, '--threads', '1'], { env: { TSGI_PORT: String(byVariable) } });
    expect(new URL(await second.url()).port).toBe(String(byVariable));
    const { port } = await serveFile(app);
    expect(await text(`http://127.0.0.1:${port}`)).toBe('here');
  });

  test('a port in use causes an error that names it', async () => {
    const other = net.createServer().listen(0);
    await once(other, 'listening');
    const { port } = other.address() as net.AddressInfo;
    const cli = new Cli([appFile(`${ESM}http.createServer().listen(${port});`), '--threads', '1']);
    const { code, stderr } = await cli.finished();
    other.close();
    expect(code).not.toBe(0);
    expect(stderr).toMatch(new RegExp(`port ${port} is in use`));
  });

  test('a program with only a socket of the file system causes an error with the remedy', async () => {
    await expect(serveFile(appFile(`${ESM}http.createServer().listen('/run/app.sock');`))).rejects.toThrow(
      /listens on \/run\/app\.sock \(\S+app\.mjs:2:\d+\), and not on a TCP port with node:http: the server serves HTTP over TCP/,
    );
  });

  test.each([
    ['node:https', 'createServer'],
    ['node:http2', 'createServer'],
    ['node:http2', 'createSecureServer'],
  ])('%s, %s, causes an error with the remedy', async (module, create) => {
    await expect(
      serveFile(appFile(`import { ${create} } from '${module}'; ${create}({}).listen(0);`)),
    ).rejects.toThrow(new RegExp(`listens with ${module}, .*Listen with node:http, and put a proxy for TLS`));
  });

  test('a program that ends without a call of listen causes an error', async () => {
    await expect(serveFile(appFile(`setTimeout(() => {}, 10);`))).rejects.toThrow(/or a call of listen/);
  });

  test('a program that listens long after its import is waited for', async () => {
    const { port } = await serveFile(
      appFile(
        `${ESM}setTimeout(() => http.createServer((request, response) => response.end('late')).listen(0), 100);`,
      ),
    );
    expect(await text(`http://127.0.0.1:${port}`)).toBe('late');
  });
});

describe('a program’s view of its server', () => {
  test('callback, event, address and listening report the address of the acceptor', async () => {
    const app = appFile(`${ESM}
      const seen = [];
      const look = (what) => seen.push([what, server.listening, server.address()?.port ?? null]);
      const server = http.createServer((request, response) => response.end(JSON.stringify(seen)));
      server.on('listening', () => look('event'));
      const returned = server.listen(0, function () { look(this === server ? 'callback' : 'wrong this'); });
      look(returned === server ? 'called' : 'wrong result');`);
    const { port } = await serveFile(app);
    expect(JSON.parse(await text(`http://127.0.0.1:${port}`))).toEqual([
      ['called', true, 0],
      ['event', true, port],
      ['callback', true, port],
    ]);
  });

  test('close() starts another worker, and calls back when its own requests have ended', async () => {
    const app = appFile(`${ESM}
      const server = http.createServer((request, response) => {
        if (request.url !== '/close') return response.end('served');
        server.close((error) => console.log('closed', error, server.listening));
        server.close((error) => console.log('again', error.code));
        response.end('closing ' + server.listening);
      });
      server.listen(0);`);
    const cli = new Cli([app, '--threads', '1']);
    const url = await cli.url();
    expect(await text(url, '/close')).toBe('closing false');
    // As under Node, the event 'close' calls both, one after the other.
    while (!cli.stdout.includes('again')) await once(cli.child.stdout!, 'data');
    expect(cli.stdout).toContain('again ERR_SERVER_NOT_RUNNING');
    expect(cli.stdout).toContain('closed undefined false');
    while (!cli.stderr.includes('is recycled: its program has closed its server'))
      await once(cli.child.stderr!, 'data');
    expect(await text(url)).toBe('served');
  });
});

describe('a program with several ports', () => {
  const two = (first: number, second: number) => `${ESM}
    const served = (what) => (request, response) => response.end(what + ' ' + process.env.TSGI_WORKER_INDEX);
    http.createServer(served('site')).listen(${first});
    const admin = http.createServer(served('admin'));
    admin.on('error', (error) => console.log('admin', error.code, admin.listening));
    setTimeout(() => admin.listen(${second}, '127.0.0.1', () => console.log('admin on', admin.address().port)), 10);`;

  /** Waits for both workers of a server. */
  async function told(cli: Cli, line: RegExp): Promise<string[]> {
    let found: string[];
    while ((found = cli.stdout.match(new RegExp(line, 'gm')) ?? []).length < 2)
      await once(cli.child.stdout!, 'data');
    return found;
  }

  test('each port is bound once and served by every worker', async () => {
    const [site, admin] = [await freePort(), await freePort()];
    const cli = new Cli([appFile(two(site, admin)), '--threads', '2']);
    expect(new URL(await cli.url()).port).toBe(String(site));
    expect(await told(cli, /^admin on \d+$/)).toEqual([`admin on ${admin}`, `admin on ${admin}`]);
    expect(await text(`http://127.0.0.1:${admin}`)).toMatch(/^admin [01]$/);
    expect(await text(`http://127.0.0.1:${site}`)).toMatch(/^site [01]$/);
  });

  test('the ports stay bound when the process dies', async () => {
    const cli = new Cli([appFile(two(0, 0)), '--threads', '2']);
    const site = await cli.url();
    const [line] = await told(cli, /^admin on \d+$/);
    const admin = `http://127.0.0.1:${line!.split(' ').at(-1)}`;
    cli.stdout = '';
    process.kill(childOf(cli.child.pid!), 'SIGKILL');
    // The kernel keeps both until another process serves.
    expect(await Promise.all([text(site), text(admin)])).toEqual([
      expect.stringMatching(/^site/),
      expect.stringMatching(/^admin/),
    ]);
    expect(await told(cli, /^admin on \d+$/)).toEqual([line, line]);
  });

  test('a port in use causes Node’s error', async () => {
    const other = net.createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as net.AddressInfo;
    const cli = new Cli([appFile(two(0, port)), '--threads', '2']);
    const url = await cli.url();
    expect(await told(cli, /^admin E\w+ \w+$/)).toEqual(['admin EADDRINUSE false', 'admin EADDRINUSE false']);
    other.close();
    expect(await text(url)).toMatch(/^site/);
  });
});

describe('the environment of a program', () => {
  test('require.main === module, and process.argv is the program’s own', async () => {
    const app = appFile(
      `${CJS}if (require.main === module) {
        const seen = JSON.stringify([module.id, __filename, process.argv.slice(1)]);
        http.createServer((request, response) => response.end(seen)).listen(0);
      }`,
      'app.cjs',
    );
    const cli = new Cli([app, '--threads', '1', '--', '--verbose', 'x']);
    expect(JSON.parse(await text(await cli.url()))).toEqual(['.', app, [app, '--verbose', 'x']]);
  });

  test.each([
    ['app.mjs', ''],
    ['app.mts', 'const typed: string = "";'],
  ])('import.meta.url is the URL of process.argv[1]: %s', async (name, typed) => {
    const app = appFile(
      `${ESM}import { pathToFileURL } from 'node:url';\n${typed}
      const isMain = import.meta.url === pathToFileURL(process.argv[1]!).href;
      if (isMain) http.createServer((request, response) => void response.end('main')).listen(0);`.replace(
        '!)',
        name.endsWith('ts') ? '!)' : ')',
      ),
      name,
    );
    const { port } = await serveFile(app);
    expect(await text(`http://127.0.0.1:${port}`)).toBe('main');
  });

  test('chdir() to the current folder has no effect; to another folder it causes an error with the remedy', async () => {
    const app = appFile(`${ESM}
      const answers = [process.cwd(), '.', '/'].map((where) => {
        try { return process.chdir(where) ?? 'done'; } catch (error) { return error.message; }
      });
      http.createServer((request, response) => response.end(JSON.stringify(answers))).listen(0);`);
    const { port } = await serveFile(app);
    expect(JSON.parse(await text(`http://127.0.0.1:${port}`))).toEqual([
      'done',
      'done',
      expect.stringMatching(/^Cannot change the directory to \/: .*Start the server in \/\.$/),
    ]);
  });

  test('each worker runs the program, and TSGI_WORKER_INDEX is its number', async () => {
    const app = appFile(`${ESM}
      console.log('index', process.env.TSGI_WORKER_INDEX);
      http.createServer((request, response) => response.end('')).listen(0);`);
    const cli = new Cli([app, '--threads', '3']);
    await cli.url();
    expect(cli.stdout.match(/^index \d$/gm)?.sort()).toEqual(['index 0', 'index 1', 'index 2']);
  });

  test('node:cluster causes an error with the remedy', async () => {
    const app = appFile(`import cluster from 'node:cluster'; cluster.fork();`);
    await expect(serveFile(app)).rejects.toThrow(
      /calls cluster.fork, which is not supported: a thread cannot fork the server/,
    );
  });

  test('relative modules, JSON and node_modules are found as under Node', async () => {
    const app = appFile(
      `${CJS}const { name } = require('./package.json');
       const greet = require('greet');
       http.createServer((request, response) => response.end(greet(name))).listen(0);`,
      'app.js',
    );
    const folder = path.dirname(app);
    mkdirSync(path.join(folder, 'node_modules', 'greet'), { recursive: true });
    writeFileSync(path.join(folder, 'package.json'), '{ "name": "it" }');
    writeFileSync(
      path.join(folder, 'node_modules/greet/index.js'),
      'module.exports = (name) => "hello " + name;',
    );
    const { port } = await serveFile(app);
    expect(await text(`http://127.0.0.1:${port}`)).toBe('hello it');
  });
});

describe('the end of a program', () => {
  const PROGRAM = `${ESM}
    const server = http.createServer((request, response) => response.end('served'));
    server.listen(0);`;

  test.each(['SIGTERM', 'SIGINT'] as const)(
    'a listener of %s is called and may take its time',
    async (signal) => {
      const app = appFile(`${PROGRAM}
      process.on('${signal}', (name) => {
        console.log('heard', name);
        server.close(() => setTimeout(() => { console.log('done'); process.exit(3); }, 50));
      });`);
      const cli = new Cli([app, '--threads', '2']);
      await text(await cli.url());
      cli.child.kill('SIGTERM');
      const { code, stdout } = await cli.finished();
      expect(code).toBe(0);
      expect(stdout.match(/^heard \w+$/gm)).toEqual([`heard ${signal}`, `heard ${signal}`]);
      expect(stdout.match(/^done$/gm)).toHaveLength(2);
    },
  );

  test('a program that kills itself by its handled signal ends only its worker', async () => {
    const app = appFile(`${PROGRAM}
      process.once('SIGTERM', (name) => { console.log('bye'); process.kill(process.pid, name); });`);
    const cli = new Cli([app, '--threads', '2']);
    await text(await cli.url());
    cli.child.kill('SIGTERM');
    const { code, stdout } = await cli.finished();
    expect([code, stdout.match(/^bye$/gm)?.length]).toEqual([0, 2]);
  });

  test('a program without a listener ends', async () => {
    const cli = new Cli([appFile(`${PROGRAM} setInterval(() => {}, 1000);`), '--threads', '1']);
    await cli.url();
    cli.child.kill('SIGTERM');
    expect((await cli.finished()).code).toBe(0);
  });
});
