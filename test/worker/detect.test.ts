/**
 * The exports of a file decide the interface of an application: docs/guide/frameworks.md, row by row.
 */
import { describe, expect, test } from 'vitest';
import { Cli } from '../support/cli.ts';
import { appFile, serveFile } from '../support/server.ts';

const HTTP = `import http from 'node:http';\n`;
const LISTENER = `(request, response) => response.end('node ' + request.url)`;
const FETCH = `(request) => new Response('fetch ' + new URL(request.url).pathname)`;
const TSGI = `(environ, startResponse) => { startResponse(200, []); return 'tsgi ' + environ.PATH_INFO; }`;

type Row = readonly [exported: string, source: string, called: string, why: string];

const ROWS: readonly Row[] = [
  ['an object with fetch', `export default { fetch: ${FETCH} };`, 'fetch', 'the export has a method fetch'],
  [
    'a class with fetch on its prototype',
    `class App { #name = 'fetch '; fetch(request) { return new Response(this.#name + new URL(request.url).pathname); } }
     export default new App();`,
    'fetch',
    'the export has a method fetch',
  ],
  ['fetch by its name', `export const fetch = ${FETCH};`, 'fetch', 'the export is named fetch'],
  [
    'a function with a router’s methods',
    `export default Object.assign(${LISTENER}, { use() {} });`,
    'node',
    'the export is a function with a method use',
  ],
  [
    'a function of three parameters',
    `export default (request, response, next) => response.end('node ' + request.url);`,
    'node',
    'the export is a function of 3 parameters',
  ],
  [
    'an http.Server',
    `${HTTP}export default http.createServer(${LISTENER});`,
    'node',
    'the export is an http.Server',
  ],
  [
    'an http.Server by the name server',
    `${HTTP}export const server = http.createServer(${LISTENER});`,
    'node',
    'the export is an http.Server',
  ],
  [
    'an object with callback(), as Koa',
    `export default { callback: () => ${LISTENER} };`,
    'node',
    'the export has a method callback',
  ],
  [
    'an object with an http.Server, as Fastify, made ready first',
    `${HTTP}const server = http.createServer();
     export const app = { server, async ready() { server.on('request', ${LISTENER}); } };`,
    'node',
    'the export has an http.Server of its own',
  ],
  [
    'an object with getHttpAdapter(), as NestJS, initialised first',
    `const listener = Object.assign(${LISTENER}, { use() {} });
     const app = { init: async () => { app.ready = true; }, getHttpAdapter: () => ({ getInstance: () => app.ready && listener }) };
     export default app;`,
    'node',
    'the export is a function with a method use',
  ],
  ['a function', `export default ${TSGI};`, 'tsgi', 'the export is a function'],
  ['app', `export const app = ${TSGI};`, 'tsgi', 'the export is a function'],
  ['application', `export const application = ${TSGI};`, 'tsgi', 'the export is a function'],
  [
    'createApp, a factory',
    `export const createApp = async () => (${TSGI});`,
    'tsgi',
    'the export is a function',
  ],
  [
    'a program that listens',
    `${HTTP}http.createServer(${LISTENER}).listen(0);`,
    'node',
    'the program listens by itself',
  ],
];

describe('automatic detection', () => {
  test.each(ROWS)('%s', async (_, source, called, why) => {
    const { server } = await serveFile(appFile(source));
    expect(server.interface).toMatchObject({ interface: called, why });
    expect(await (await fetch(`${server.url}/a`)).text()).toBe(`${called} /a`);
  });

  test('the ready line names the interface and the reason', async () => {
    const cli = new Cli([appFile(`export default { fetch: ${FETCH} };`), '--port', '0', '--threads', '1']);
    await cli.url();
    expect(cli.stdout).toContain('(app.mjs as fetch: the export has a method fetch)');
  });
});

describe('a chosen interface', () => {
  test.each([
    ['node', LISTENER],
    ['fetch', FETCH],
    ['tsgi', TSGI],
    ['node', `Object.assign(${LISTENER}, { fetch: ${FETCH} })`],
  ] as const)('%s for %s', async (name, application) => {
    const { server } = await serveFile(appFile(`export default ${application};`), 1, { interface: name });
    expect(server.interface).toMatchObject({ interface: name, why: 'by --interface' });
    expect(await (await fetch(`${server.url}/a`)).text()).toBe(`${name} /a`);
  });

  test.each([
    ['tsgi', '{ fetch() {} }', /--interface tsgi takes a function \(environ, startResponse\)/],
    [
      'fetch',
      '{ callback() {} }',
      /--interface fetch takes a function \(request\), or an object with a method fetch/,
    ],
    ['node', '{ fetch() {} }', /--interface node takes a function \(request, response\), an http.Server/],
  ] as const)('%s does not take %s', async (name, application, message) => {
    await expect(
      serveFile(appFile(`export default ${application};`), 1, { interface: name }),
    ).rejects.toThrow(message);
  });
});

describe('a function that was taken for TSGI', () => {
  test.each([
    ['(a, b) => { b.writeHead(200); b.end(); }', 'node'],
    ['(a, b) => { b.setHeader("a", "b"); }', 'node'],
    ['async (a, b) => { b.status(200).json({}); }', 'node'],
    ['(a, b) => { if (a.headers.host) b.end(); }', 'node'],
    ['(a, b) => { a.on("data", () => {}); }', 'node'],
    ['(a, b) => {}', 'node'],
    ['(a, b) => new Response("a")', 'fetch'],
    ['async (...all) => all[0].text()', 'fetch'],
    ['async (a, b) => { await a.formData(); }', 'fetch'],
    ['(a, b) => Response.json(new URL(a.url).pathname)', 'fetch'],
  ])('%s: the first request’s error names the flag --interface %s', async (application, flag) => {
    const { server, log } = await serveFile(appFile(`export default ${application};`));
    expect((await fetch(server.url)).status).toBe(500);
    expect(log.join('\n')).toContain(`start the server with --interface ${flag}`);
  });

  test('a function that answers well is not checked again', async () => {
    const application = `(environ, startResponse) => {
      if (environ.PATH_INFO === '/fails') environ.text();
      startResponse(200, []);
      return '';
    }`;
    const { server, log } = await serveFile(appFile(`export default ${application};`));
    await fetch(server.url);
    await fetch(`${server.url}/fails`);
    expect(log.join('\n')).toMatch(/environ\.text is not a function/);
    expect(log.join('\n')).not.toContain('--interface');
  });
});

describe('a value that cannot run', () => {
  test.each([
    ['export const x = 5;', /it exports x; name another export with file:name/],
    ['', /it exports nothing/],
    ['export default 5;', /that is a number/],
    ['export default [];', /that is an array/],
    ['export default { routes: [] };', /that is an object/],
  ])('%s', async (source, message) => {
    await expect(serveFile(appFile(source))).rejects.toThrow(message);
  });

  test.each([
    ['app.mjs', 'module.exports = () => {};', /written as CommonJS: name it \.cjs/],
    ['app.cjs', 'export default () => {};', /written as a module: name it \.mjs/],
  ])('%s with %s', async (name, source, message) => {
    await expect(serveFile(appFile(source, name))).rejects.toThrow(message);
  });
});
