/**
 * The address of a program that listens by itself: its own host and port, unless an option overrides them.
 */
import { lookup } from 'node:dns/promises';
import { once } from 'node:events';
import net from 'node:net';
import { networkInterfaces } from 'node:os';
import { describe, expect, test } from 'vitest';
import { Cli } from '../support/cli.ts';
import { accepting, accepts, freePort } from '../support/ports.ts';
import { appFile } from '../support/server.ts';

const HTTP = `import http from 'node:http';\n`;
const program = (listen: string) =>
  appFile(`${HTTP}http.createServer((request, response) => response.end('here')).${listen};`);

/** The local addresses among these that accept a connection. */
async function open(port: number): Promise<string[]> {
  const found: string[] = [];
  for (const host of ['127.0.0.1', '127.0.0.2', '::1']) if (await accepts(port, host)) found.push(host);
  return found;
}

const ONE = ['--threads', '1'];
const { address: LOCALHOST } = await lookup('localhost');
const hasIpv6 = Object.values(networkInterfaces()).some((list) =>
  list!.some(({ address }) => address === '::1'),
);

describe.skipIf(!hasIpv6)('a program keeps its host', () => {
  const EVERY_IPV4 = ['127.0.0.1', '127.0.0.2'];
  const ROWS: readonly (readonly [args: string, shown: string, accepting: readonly string[]])[] = [
    [`process.env.PORT, '127.0.0.1'`, '127.0.0.1', ['127.0.0.1']],
    [`{ port: process.env.PORT, host: '127.0.0.2' }`, '127.0.0.2', ['127.0.0.2']],
    [`process.env.PORT, '::'`, '[::]', [...EVERY_IPV4, '::1']],
    [`process.env.PORT, '::1'`, '[::1]', ['::1']],
    [`process.env.PORT, '0.0.0.0'`, '0.0.0.0', EVERY_IPV4],
    [`process.env.PORT, 'localhost'`, LOCALHOST.includes(':') ? `[${LOCALHOST}]` : LOCALHOST, [LOCALHOST]],
    [`process.env.PORT`, '[::]', [...EVERY_IPV4, '::1']],
    [`{ port: process.env.PORT, host: '::', ipv6Only: true }`, '[::]', ['::1']],
  ];

  test.each([
    ...ROWS.map((row) => [...row, []] as const),
    [...ROWS[3]!, ['--no-supervise']] as const,
    [...ROWS[6]!, ['--no-supervise']] as const,
  ])(
    'listen(%s) with PORT is bound as in Node, and the ready line shows %s: %j, with %j (C10)',
    async (listen, shown, hosts, flags) => {
      const port = await freePort();
      const cli = new Cli([program(`listen(${listen})`), ...ONE, ...flags], { env: { PORT: String(port) } });
      expect(await cli.url()).toBe(`http://${shown}:${port}`);
      expect(await open(port)).toEqual(hosts);
    },
  );

  test.each([
    ['the flag --host', ['--host', '127.0.0.1'], {}],
    ['the variable TSGI_HOST', [], { TSGI_HOST: '127.0.0.1' }],
  ])('only its own option moves it: %s (C10)', async (_, args, env) => {
    const port = await freePort();
    const cli = new Cli([program(`listen(${port}, '0.0.0.0')`), ...ONE, ...args], { env });
    expect(await cli.url()).toBe(`http://127.0.0.1:${port}`);
    expect(await open(port)).toEqual(['127.0.0.1']);
  });

  test('--port changes the port and keeps the host (C10)', async () => {
    const [own, given] = [await freePort(), await freePort()];
    const cli = new Cli([program(`listen(${own}, '::1')`), ...ONE, '--port', String(given)]);
    expect(await cli.url()).toBe(`http://[::1]:${given}`);
    expect(await open(given)).toEqual(['::1']);
    expect(await open(own)).toEqual([]);
  });

  test('two servers on the same port of different addresses each answer at their own address (C10)', async () => {
    const port = await freePort();
    const app = appFile(`${HTTP}
      for (const host of ['127.0.0.1', '::1', '127.0.0.2'])
        http.createServer((request, response) => response.end(host)).listen(${port}, host);`);
    const cli = new Cli([app, '--threads', '2']);
    await cli.url();
    for (const host of ['127.0.0.2', '::1', '127.0.0.1']) {
      await accepting(port, host);
      const shown = host.includes(':') ? `[${host}]` : host;
      expect(await (await fetch(`http://${shown}:${port}`)).text()).toBe(host);
    }
  });

  test('--host replaces every address that a program binds on that port (C10)', async () => {
    const port = await freePort();
    const app = appFile(`${HTTP}
      const server = (host) => http.createServer((request, response) => response.end(host));
      server('first').listen(${port}, 'localhost', () => {
        const second = server('second').listen(${port}, '::1', () => console.log('second', second.address().address));
      });`);
    const cli = new Cli([app, ...ONE, '--host', '127.0.0.1']);
    const url = await cli.url();
    while (!cli.stdout.includes('second 127.0.0.1')) await once(cli.child.stdout!, 'data');
    expect(await open(port)).toEqual(['127.0.0.1']);
    expect(await (await fetch(url)).text()).toBe('first');
  });

  test('a second server of the program on the same address gets Node’s EADDRINUSE (C10)', async () => {
    const port = await freePort();
    const app = appFile(`${HTTP}
      const server = () => http.createServer((request, response) => response.end('first'));
      server().listen(${port});
      server().on('error', (error) => console.log(error.code, error.syscall, error.port)).listen(${port});`);
    const cli = new Cli([app, ...ONE]);
    const url = await cli.url();
    expect(cli.stdout).toContain(`EADDRINUSE listen ${port}\n`);
    expect(await (await fetch(url)).text()).toBe('first');
  });
});

describe('the variable PORT belongs to the program', () => {
  const TWO = (metrics: number, listen = 'process.env.PORT') => `${HTTP}
    const served = (what) => (request, response) => response.end(what);
    http.createServer(served('metrics')).listen(${metrics}, '127.0.0.1');
    http.createServer(served('site')).listen(${listen}, '127.0.0.1');`;

  test.each([1, 2])(
    'metrics that listen first leave PORT to the site, with %d threads (C11)',
    async (threads) => {
      const [metrics, site] = [await freePort(), await freePort()];
      const cli = new Cli([appFile(TWO(metrics)), '--threads', String(threads)], {
        env: { PORT: String(site) },
      });
      expect(await cli.url()).toBe(`http://127.0.0.1:${metrics}`);
      await accepting(site);
      expect(await (await fetch(`http://127.0.0.1:${site}`)).text()).toBe('site');
      expect(await (await fetch(`http://127.0.0.1:${metrics}`)).text()).toBe('metrics');
      expect(cli.stderr).toContain(`The program also listens on http://127.0.0.1:${site}`);
    },
  );

  test('a program with a fixed port keeps it, even if PORT is in use (C11)', async () => {
    const other = net.createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const fixed = await freePort();
    const cli = new Cli([program(`listen(${fixed}, '127.0.0.1')`), ...ONE], {
      env: { PORT: String((other.address() as net.AddressInfo).port) },
    });
    expect(await cli.url()).toBe(`http://127.0.0.1:${fixed}`);
    other.close();
  });

  test('an application that only exports listens on PORT, on every IPv4 address (C11)', async () => {
    const port = await freePort();
    const cli = new Cli([appFile(`export default { fetch: () => new Response('here') };`), ...ONE], {
      env: { PORT: String(port) },
    });
    expect(await cli.url()).toBe(`http://0.0.0.0:${port}`);
    expect(await open(port)).toEqual(['127.0.0.1', '127.0.0.2']);
  });
});
