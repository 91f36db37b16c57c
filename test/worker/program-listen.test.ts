/**
 * Programs that listen with what the acceptor cannot serve: a line that says so, and ends with the remedy.
 */
import net from 'node:net';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { Client } from '../support/client.ts';
import { Cli } from '../support/cli.ts';
import { appFile } from '../support/server.ts';

const WHERE = '--threads 2 --port 0'.split(' ');

test.each([
  ['node:https', "import { createServer } from 'node:https';", 'createServer()'],
  ['node:http2', "import { createServer } from 'node:http2';", 'createServer()'],
  ['node:http2', "import { createSecureServer } from 'node:http2';", 'createSecureServer()'],
])('%s, %s', async (module, line, made) => {
  const app = appFile(`${line}\n${made}.listen(0);\n`);
  const { code, stderr } = await new Cli([app, ...WHERE]).finished();
  expect(stderr).toMatch(
    new RegExp(
      `^tsgi-threads: The application listens with ${module}, .* let it listen with node:http, .*\n$`,
    ),
  );
  expect(code).toBe(1);
});

const TWO = `import http from 'node:http';
  http.createServer((req, res) => res.end('first')).listen(0);
  const second = http.createServer((req, res) => res.end('second'));
  HEARD
  second.listen(Number(process.env.SECOND));`;

/** A port that was free a moment ago. */
async function freePort(): Promise<string> {
  const server = net.createServer().listen(0);
  await once(server, 'listening');
  const { port } = server.address() as net.AddressInfo;
  server.close();
  await once(server, 'close');
  return String(port);
}

test('a second port is for one worker alone, and the next one says why', async () => {
  const env = { SECOND: await freePort() };
  const { code, stderr } = await new Cli([appFile(TWO.replace('HEARD', '')), ...WHERE], { env }).finished();
  expect(stderr).toMatch(
    /EADDRINUSE.*; every worker runs the program, and they share the first server that listens, and no other: run this one in a process of its own\n/,
  );
  expect(stderr).not.toMatch(/^\s+at .*[/\\]dist[/\\]/m);
  expect(code).toBe(1);
});

test('a second port whose error the program hears keeps nobody from serving', async () => {
  const env = { SECOND: await freePort() };
  const app = appFile(TWO.replace('HEARD', "second.on('error', (error) => console.error(error.message));"));
  const cli = new Cli([app, ...WHERE], { env });
  const url = new URL(await cli.url());
  const client = await Client.connect(Number(url.port));
  await client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  expect((await client.answer())!.body).toBe('first');
  client.close();
  cli.child.kill('SIGTERM');
  expect((await cli.finished()).stderr).toContain('every worker runs the program');
});
