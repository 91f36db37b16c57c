/**
 * Ports of a program that are not HTTP, beside its site.
 *
 * The tests use one worker and several, with kills and recycling of the owner of a port, and reloads.
 */
import dgram from 'node:dgram';
import { once } from 'node:events';
import net from 'node:net';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { Cli } from '../support/cli.ts';
import { accepting, freePort } from '../support/ports.ts';
import { appFile, serveFile } from '../support/server.ts';

const IMPORTS = `import http from 'node:http'; import net from 'node:net'; import dgram from 'node:dgram';\n`;
/** The site answers with the number of its worker, and ends that worker on demand. */
const SITE = `http.createServer((request, response) => {
    if (request.url === '/exit') process.exit(7);
    response.end(process.env.TSGI_WORKER_INDEX);
  }).listen(0, '127.0.0.1');`;
const MAIL = (port: string) => `
  const mail = net.createServer((socket) => socket.on('error', () => {}).end('mail of ' + process.env.TSGI_WORKER_INDEX));
  mail.listen(${port}, () => console.log('mail listens', JSON.stringify(mail.address()), mail.listening));`;

/** The bytes that a new connection receives. '' if no server listens. */
function greeting(where: net.NetConnectOpts): Promise<string> {
  return new Promise((resolve) => {
    let text = '';
    const socket = net.connect(where);
    socket.setEncoding('utf8').on('data', (data) => (text += data));
    socket.on('error', () => {}).once('close', () => resolve(text));
  });
}

async function greeted(where: net.NetConnectOpts): Promise<string> {
  for (;;) {
    const text = await greeting(where);
    if (text !== '') return text;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

async function told(cli: Cli, text: string, times: number): Promise<void> {
  while ((cli.stdout + cli.stderr).split(text).length <= times)
    await Promise.race([once(cli.child.stdout!, 'data'), once(cli.child.stderr!, 'data')]);
}

describe('a TCP port of the program', () => {
  test.each([1, 3])(
    'is bound once by %d workers, and each of them gets the event listening (C14)',
    async (threads) => {
      const port = await freePort();
      const cli = new Cli([appFile(IMPORTS + MAIL(String(port)) + SITE), '--threads', String(threads)]);
      const url = await cli.url();
      await told(cli, 'mail listens {"address":"::","family":"IPv6","port":' + port + '} true', threads);
      expect(await greeting({ port })).toMatch(/^mail of \d$/);
      expect(await (await fetch(url)).text()).toMatch(/^\d$/);
      expect(cli.stderr).toBe('');
    },
  );

  test.each([1, 2])('stays open through reloads, with %d workers (C14)', async (threads) => {
    const port = await freePort();
    const cli = new Cli([
      appFile(IMPORTS + MAIL(`${port}, '127.0.0.1'`) + SITE),
      '--threads',
      String(threads),
    ]);
    const url = await cli.url();
    await accepting(port);
    for (let reload = 1; reload <= 2; reload++) {
      cli.child.kill('SIGHUP');
      await told(cli, 'reloaded in', reload);
      expect(await greeted({ port })).toMatch(/^mail of \d$/);
    }
    expect(await (await fetch(url)).text()).toMatch(/^\d$/);
    cli.child.kill('SIGTERM');
    expect((await cli.finished()).code).toBe(0);
    expect(cli.stderr).not.toMatch(/EADDRINUSE|uncaught/i);
  });

  test('moves to another worker when its owner dies (C14)', async () => {
    const port = await freePort();
    const { server } = await serveFile(appFile(IMPORTS + MAIL(String(port)) + SITE), 2);
    expect(await greeted({ port })).toMatch(/^mail of [01]$/);
    // Any worker may answer. At least one of the four exited workers owned the port.
    const exits: number[] = [];
    server.on('workerExit', ({ code }) => exits.push(code));
    for (let i = 1; i <= 4; i++) {
      await fetch(`${server.url}/exit`).catch(() => {});
      while (exits.length < i) await once(server, 'workerExit');
      expect(await greeted({ port })).toMatch(/^mail of [01]$/);
    }
  });

  test('moves to another worker when its owner closes it (C14)', async () => {
    const port = await freePort();
    const source = `${IMPORTS}
      const mail = net.createServer((socket) => {
        socket.end('mail of ' + process.env.TSGI_WORKER_INDEX);
        mail.close(() => console.log('closed', mail.listening, mail.address()));
      }).listen(${port}); ${SITE}`;
    const cli = new Cli([appFile(source), '--threads', '2']);
    await cli.url();
    const both = [await greeted({ port }), await greeted({ port })];
    expect(both.sort()).toEqual(['mail of 0', 'mail of 1']);
    await told(cli, 'closed false null', 2);
    expect(await greeting({ port })).toBe('');
  });

  test('may be a socket of the file system, or speak TLS (C14)', async () => {
    const file = path.join(path.dirname(appFile('')), 'mail.sock');
    const port = await freePort();
    const tls = `const { createServer } = await import('node:tls'); createServer({}).listen(${port}, '127.0.0.1');`;
    const cli = new Cli([appFile(IMPORTS + MAIL(JSON.stringify(file)) + tls + SITE), '--threads', '2']);
    await cli.url();
    await told(cli, `mail listens "${file}" true`, 2);
    await accepting(port);
    expect(await greeting({ path: file })).toMatch(/^mail of \d$/);
    cli.child.kill('SIGHUP');
    await told(cli, 'reloaded in', 1);
    expect(await greeted({ path: file })).toMatch(/^mail of \d$/);
  });

  test.each([1, 3])(
    'may be a socket whose file each of %d workers deletes before it listens (C14)',
    async (threads) => {
      const file = path.join(path.dirname(appFile('')), 'mail.sock');
      const source = `${IMPORTS} import { rmSync } from 'node:fs';
        rmSync(${JSON.stringify(file)}, { force: true }); ${MAIL(JSON.stringify(file))} ${SITE}`;
      const cli = new Cli([appFile(source), '--threads', String(threads)]);
      await cli.url();
      await told(cli, `mail listens "${file}" true`, threads);
      expect(await greeting({ path: file })).toMatch(/^mail of \d$/);
      cli.child.kill('SIGHUP');
      await told(cli, 'reloaded in', 1);
      await told(cli, `mail listens "${file}" true`, 2 * threads);
      expect(await greeted({ path: file })).toMatch(/^mail of \d$/);
      expect(cli.stderr).not.toMatch(/EADDRINUSE|uncaught/i);
    },
  );

  test('in use by another process causes Node’s error in the program (C14)', async () => {
    const other = net.createServer().listen(0);
    await once(other, 'listening');
    const { port } = other.address() as net.AddressInfo;
    const source = `${IMPORTS}net.createServer().on('error', ({ code }) => console.log('told', code)).listen(${port});${SITE}`;
    const cli = new Cli([appFile(source), '--threads', '2']);
    const url = await cli.url();
    await told(cli, 'told EADDRINUSE', 2);
    other.close();
    expect(await (await fetch(url)).text()).toMatch(/^\d$/);
  });

  test('closed by the program is free again, as searches for a free port need (C14)', async () => {
    const port = await freePort();
    const source = `${IMPORTS}
      const probe = net.createServer().listen(${port}, () => probe.close(() => http.createServer((request, response) => response.end('found')).listen(${port})));`;
    const cli = new Cli([appFile(source), '--threads', '2']);
    expect(new URL(await cli.url()).port).toBe(String(port));
    expect(await (await fetch(`http://127.0.0.1:${port}`)).text()).toBe('found');
  });
});

describe('a UDP port of the program', () => {
  const ECHO = (port: number) => `
    const echo = dgram.createSocket('udp4');
    echo.on('message', (message, { port, address }) => echo.send(process.env.TSGI_WORKER_INDEX + ' ' + message, port, address));
    echo.bind(${port}, '127.0.0.1', () => { echo.setBroadcast(true); console.log('echo on', echo.address().port); });`;

  /** Sends until a response arrives. Returns all responses to the last text. */
  async function echoed(port: number, text: string): Promise<string> {
    const socket = dgram.createSocket('udp4');
    const timer = setInterval(() => socket.send(text, port, '127.0.0.1'), 50);
    socket.send(text, port, '127.0.0.1');
    const [message] = (await once(socket, 'message')) as [Buffer];
    clearInterval(timer);
    socket.close();
    return String(message);
  }

  test.each([1, 3])(
    'is bound by each of %d workers, and stays open through reloads and ends of workers (C14)',
    async (threads) => {
      const port = await freePort();
      const { server } = await serveFile(appFile(IMPORTS + ECHO(port) + SITE), threads);
      expect(await echoed(port, 'a')).toMatch(/^\d a$/);
      await server.reload();
      expect(await echoed(port, 'b')).toMatch(/^\d b$/);
      const exit = once(server, 'workerExit');
      await fetch(`${server.url}/exit`).catch(() => {});
      await exit;
      expect(await echoed(port, 'c')).toMatch(/^\d c$/);
      expect(await (await fetch(server.url)).text()).toMatch(/^\d$/);
    },
  );
});

describe('a program with only such ports', () => {
  type Row = readonly [what: string, open: string, message: RegExp, threads: readonly number[]];
  const ROWS: readonly Row[] = [
    [
      'a TCP server',
      'net.createServer().listen(PORT)',
      /listens on TCP port \d+ \(\S+app\.mjs:\d+:\d+\), and not on a TCP port with node:http/,
      [1, 0],
    ],
    [
      'a socket of the file system',
      `net.createServer().listen(process.argv[1] + '.sock')`,
      /listens on \S+\.sock \(\S+app\.mjs/,
      [1],
    ],
    ['any free port', 'net.createServer().listen(0)', /listens on a TCP port \(/, [1, 0]],
    [
      'a UDP socket',
      `dgram.createSocket('udp4').bind(PORT)`,
      /listens on UDP port \d+ \(\S+app\.mjs:\d+:\d+\)/,
      [1, 0],
    ],
  ];

  test.each(ROWS)('causes an error at once: %s (C14)', async (_, open, message, allThreads) => {
    const started = performance.now();
    for (const threads of allThreads) {
      const app = appFile(`${IMPORTS}\n${open.replace('PORT', String(await freePort()))};`);
      await expect(serveFile(app, threads, { bootTimeout: 20_000 })).rejects.toThrow(message);
    }
    expect(performance.now() - started).toBeLessThan(10_000);
  });
});
