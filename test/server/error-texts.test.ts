/**
 * The server logs errors of an application completely, in every place.
 */
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { describe, expect, onTestFinished, test } from 'vitest';
import { errorText } from '../../src/error-text.ts';
import { Cli } from '../support/cli.ts';
import { appFile, serveFile } from '../support/server.ts';

/** An error with all its parts. */
const MAKE = `const make = (name) => {
  const cause = Object.assign(new Error('the socket was closed'), { code: 'ECONNRESET' });
  const all = new AggregateError([new Error('first try'), new Error('second try')], 'no database', { cause });
  return Object.assign(new Error(name, { cause: all }), { code: 'E_OWN', detail: 'Key (id)=(1) exists' });
};`;
/** The parts that a log line must contain. */
const WHOLE = [
  /E_OWN/,
  /Key \(id\)=\(1\) exists/,
  /no database/,
  /first try/,
  /second try/,
  /the socket was closed/,
  /ECONNRESET/,
];

function expectWhole(text: string, name: string): void {
  expect(text).toContain(name);
  for (const part of WHOLE) expect(text).toMatch(part);
}

describe.each([1, 0])('with %d threads', (threads) => {
  test.each([
    ['tsgi', `(environ, startResponse) => { throw make('in tsgi'); }`],
    ['tsgi', `async (environ, startResponse) => { throw make('in tsgi'); }`],
    [
      'tsgi',
      `(environ, startResponse) => { startResponse(200, []); return (function* () { yield 'a'; throw make('in tsgi'); })(); }`,
    ],
    ['fetch', `{ fetch: () => { throw make('in fetch'); } }`],
    [
      'fetch',
      `{ fetch: () => new Response(new ReadableStream({ pull: (to) => to.error(make('in fetch')) })) }`,
    ],
    [
      'fetch',
      `{ fetch: (_, __, { waitUntil }) => { waitUntil(Promise.reject(make('in fetch'))); return new Response(); } }`,
    ],
    ['node', `(request, response) => { throw make('in node'); }`],
    ['node', `async (request, response) => { throw make('in node'); }`],
  ] as const)('an error in a request, %s: %s (C20)', async (name, source) => {
    const { port, log } = await serveFile(appFile(`${MAKE}\nexport default ${source};`), threads, {
      interface: name,
    });
    await fetch(`http://127.0.0.1:${port}/`)
      .then((answer) => answer.text())
      .catch(() => {});
    await expect.poll(() => log.join('\n')).toContain(`in ${name}`);
    expectWhole(log.join('\n'), `in ${name}`);
  });
});

test.each([
  ['an exception that nobody caught', `setImmediate(() => { throw make('uncaught'); });`],
  ['a rejection that nobody caught', `void Promise.reject(make('uncaught'));`],
])('%s (C20)', async (_, code) => {
  const app = appFile(
    `${MAKE}\nexport default (environ, startResponse) => { ${code} return new Promise(() => {}); };`,
  );
  const { port, log } = await serveFile(app, 1);
  expect((await fetch(`http://127.0.0.1:${port}/the/path`)).status).toBe(502);
  const line = log.find((text) => text.includes('uncaught')) ?? '';
  expect(line).toMatch(/^GET \/the\/path uncaught \(request /);
  expectWhole(line, 'uncaught');
});

test('an error in a hook is logged completely (C20)', async () => {
  const app = appFile(
    `${MAKE}\nexport const shutdown = () => { throw make('in shutdown'); };\nexport default () => 'x';`,
  );
  const { server, log } = await serveFile(app, 1, { interface: 'tsgi' });
  await server.close();
  expectWhole(log.join('\n'), 'in shutdown');
});

test.each([
  ['the module', `throw make('at load');`],
  ['its hook init', `export const init = async () => { throw make('at load'); };`],
])('an error at the start in %s is logged completely (C20)', async (_, code) => {
  const app = appFile(`${MAKE}\n${code}\nexport default (environ, startResponse) => 'x';`);
  const { stderr: text } = await new Cli([app, '--port', '0', '--threads', '1']).finished();
  expect(text).toMatch(/^tsgi-threads: The application threw while it loaded: at load\n/);
  expectWhole(text, 'at load');
  expect(text).toMatch(/at .*app\.mjs/);
  expect(text).not.toMatch(/node_modules\/piscina|dist\/worker/);
});

test('an error of new code at a reload is logged completely (C20)', async () => {
  const app = appFile(
    `export default (environ, startResponse) => { startResponse(200, []); return 'old'; };`,
  );
  const { server, port } = await serveFile(app, 1);
  writeFileSync(app, `${MAKE}\nthrow make('at reload');\nexport default (environ, startResponse) => 'new';`);
  const error = (await server.reload().catch((thrown: unknown) => thrown)) as Error;
  expectWhole(errorText(error), 'at reload');
  expect(await (await fetch(`http://127.0.0.1:${port}/`)).text()).toBe('old');
});

test('a thrown value may be anything, and the worker survives (C20)', async () => {
  const values = [
    `'text'`,
    `undefined`,
    `null`,
    `{ code: 'E_PLAIN', nested: { a: 1 } }`,
    `Symbol('sign')`,
    `7n`,
    `new Proxy(new Error('hidden'), { get() { throw new Error('trap'); }, ownKeys() { throw new Error('trap'); } })`,
    `Object.assign(new Error('custom'), { [Symbol.for('nodejs.util.inspect.custom')]() { throw new Error('inspected'); } })`,
    `(() => { const e = new Error('circular'); e.cause = e; return e; })()`,
    `Object.assign(new Error('huge'), { data: Array.from({ length: 1e5 }, (_, i) => 'x'.repeat(100) + i) })`,
    `new Error('y'.repeat(1e6))`,
    `Object.defineProperty(new Error('no stack'), 'stack', { get() { throw new Error('stack'); } })`,
  ];
  const app = appFile(`const values = [${values.map((value) => `() => (${value})`).join(', ')}];
    export default (environ, startResponse) => { throw values[Number(environ.PATH_INFO.slice(1))](); };`);
  const { port, server, log } = await serveFile(app, 1);
  for (let i = 0; i < values.length; i++) {
    expect((await fetch(`http://127.0.0.1:${port}/${i}`)).status, values[i]).toBe(500);
    await expect.poll(() => log.length).toBe(i + 1);
    expect(log[i], values[i]).toMatch(new RegExp(`^GET /${i} failed `));
    expect(log[i]!.length, values[i]).toBeLessThan(17_000);
  }
  expect(log[3]).toMatch(/thrown: .*E_PLAIN[^]*nested/);
  expect(server.stats().workers).toBe(1);
});

test('a suite and a script of TSGI also print errors completely (C20)', async () => {
  const script = (
    code: string,
  ) => `import { runCgi, simpleServer, toFetchHandler, toNodeListener } from 'tsgi-threads/tsgi';
    import http from 'node:http';
    ${MAKE} const application = () => { throw make('alone'); }; ${code}`;
  const codes = [
    `const server = http.createServer(toNodeListener(application)).listen(0, () => fetch('http://127.0.0.1:' + server.address().port).then(() => server.close()));`,
    `await using server = await simpleServer(application); await fetch(server.url);`
      .replace('await using', 'const')
      .concat(' await server.close();'),
    `await toFetchHandler(application)(new Request('http://a/'));`,
    `await runCgi(application, { env: { REQUEST_METHOD: 'GET' } });`,
  ];
  await Promise.all(
    codes.map(async (code) => {
      const child = spawn(process.execPath, ['--input-type=module', '-e', script(code)]);
      onTestFinished(() => void child.kill());
      let text = '';
      child.stderr.setEncoding('utf8').on('data', (part: string) => (text += part));
      child.stdout.resume();
      await new Promise((resolve) => child.once('close', resolve));
      expectWhole(text, 'alone');
    }),
  );
});

test('the text of a shown error is bounded (C20)', () => {
  expect(errorText(new Error('z'.repeat(100_000)))).toMatch(/^Error: z+… \(\d+ more characters\)$/);
});
