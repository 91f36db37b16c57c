/**
 * Exports that are no plain application: promises, factories, classes, plugins.
 *
 * Recognised forms are served. Every other export causes one error at the start, which names the export and the remedy.
 */
import { describe, expect, test } from 'vitest';
import { shapeOf } from '../../dist/worker/load/function-shape.js';
import { appFile, serveFile } from '../support/server.ts';

const HTTP = `import http from 'node:http';\n`;
/** Like Fastify: it has its own http.Server, which must be prepared before it serves. */
const FASTIFY = `${HTTP}
  function Fastify() {
    const server = http.createServer();
    let ready;
    const app = {
      server,
      ready: () => (ready ??= server.on('request', (request, response) => response.end('served'))),
      listen: async (options) => { app.ready(); await new Promise((resolve) => server.listen(options, resolve)); },
    };
    return app;
  }\n`;
const FETCH = `{ fetch: () => new Response('served') }`;

const answer = async (url: string) => (await fetch(url)).text();

describe('recognised forms', () => {
  type Row = readonly [exported: string, source: string, called: string, why: RegExp];
  const ROWS: readonly Row[] = [
    [
      'a promise of an application',
      `${FASTIFY} export default Promise.resolve(Fastify());`,
      'node',
      /^the export has an http\.Server/,
    ],
    ['a promise by its name', `export const app = (async () => (${FETCH}))();`, 'fetch', /^the export has a/],
    [
      'a factory of Fastify',
      `${FASTIFY} export default function buildApp(options = {}) { return Fastify(options); }`,
      'node',
      /^what the exported factory returned has an http\.Server/,
    ],
    [
      'an asynchronous factory',
      `export default async () => (${FETCH});`,
      'fetch',
      /^what the exported factory/,
    ],
    [
      'a factory in a promise',
      `export default Promise.resolve(() => (${FETCH}));`,
      'fetch',
      /^what the exported/,
    ],
    [
      'a factory of a listener',
      `export default () => (request, response) => response.end('served');`,
      'node',
      /^what the exported factory returned is a function \(request, response\)/,
    ],
    [
      'a factory that listens itself',
      `${FASTIFY} export default async function start() { const app = Fastify(); await app.listen({ port: 0 }); return app; }`,
      'node',
      /^the program listens by itself/,
    ],
    [
      'an object of Bun or Elysia',
      `export default { port: 3000, ...${FETCH} };`,
      'fetch',
      /has a method fetch/,
    ],
    [
      'a listener by its parameters',
      `export default (req, res) => res.end('served');`,
      'node',
      /\(req, res\)$/,
    ],
    [
      'a fetch handler by its parameter',
      `export default async (request) => new Response('served');`,
      'fetch',
      /\(request\)$/,
    ],
    [
      'a fetch handler of Workers',
      `export default (request, env, ctx) => new Response('served');`,
      'fetch',
      /\(request, env, ctx\)$/,
    ],
    [
      'a fetch handler without parameters',
      `export default () => new Response('served');`,
      'fetch',
      /returns a Response$/,
    ],
    [
      'what two module systems wrapped',
      `export default { default: ${FETCH} };`,
      'fetch',
      /has a method fetch/,
    ],
    [
      'TSGI that passes on what it is given',
      `const inner = (environ, startResponse) => { startResponse(200, []); return 'served'; };
       export default (...all) => inner(...all);`,
      'tsgi',
      /^the export is a function$/,
    ],
    [
      'TSGI that is bound',
      `function app(environ, startResponse) { startResponse(200, []); return this.text; }
       export default app.bind({ text: 'served' });`,
      'tsgi',
      /^the export is a function$/,
    ],
  ];

  test.each(ROWS)('%s (C27)', async (_, source, called, why) => {
    const { server } = await serveFile(appFile(source));
    expect(server.interface).toMatchObject({ interface: called, why: expect.stringMatching(why) as string });
    expect(await answer(server.url)).toBe('served');
  });

  test.each([
    'module.exports = async () => app;',
    'module.exports = { default: app };',
    `Object.defineProperty(exports, '__esModule', { value: true }); exports.default = app;`,
    'module.exports = Promise.resolve(app);',
    'module.exports = function build() { return app; };',
  ])('CommonJS: %s (C27)', async (source) => {
    const { server } = await serveFile(appFile(`const app = ${FETCH};\n${source}`, 'app.cjs'));
    expect(await answer(server.url)).toBe('served');
  });

  test('an application passed directly may be a promise of a factory (C27)', async () => {
    const app = Promise.resolve(() => ({ fetch: () => new Response('served') }));
    const { server } = await serveFile(app as never, 0);
    expect(await answer(server.url)).toBe('served');
  });
});

describe('one error at the start', () => {
  test.each([
    [
      'a plugin of fastify-cli',
      'export default async function (fastify, opts) {}',
      /that is a plugin \(fastify, opts\), which adds routes to an application; write a file that registers it/,
    ],
    [
      'a plugin with a callback',
      'export default (fastify, opts, done) => done();',
      /a plugin \(fastify, opts, done\)/,
    ],
    [
      'what fastify-plugin made',
      `export default Object.assign((f, o, d) => d(), { [Symbol.for('skip-override')]: true });`,
      /a plugin \(f, o, d\)/,
    ],
    [
      'a class',
      'export default class Shop { fetch() {} }',
      /that is the class Shop; export an instance of it: export default new Shop\(\)/,
    ],
    ['a class without a name', 'export default class {}', /that is the class App; export an instance/],
    [
      'a factory with options',
      'export default (config) => ({ fetch() {} });',
      /that is a function \(config\); if it makes the application, export what it returns/,
    ],
    [
      'a handler of events',
      'export default async (event) => "a";',
      /a function \(event\); .*--interface fetch/,
    ],
    [
      'a factory of nothing',
      'export default () => {};',
      /was called to make the application, and it returned nothing/,
    ],
    ['a factory of a text', `export default async () => 'hello';`, /it returned a string/],
    [
      'a promise of nothing that runs',
      'export default Promise.resolve({ routes: [] });',
      /that is an object/,
    ],
    [
      'a promise that rejects',
      `export default Promise.reject(new Error('no database'));`,
      /loaded: no database/,
    ],
    [
      'a factory that throws',
      `export default () => { throw new Error('no database'); };`,
      /loaded: no database/,
    ],
    [
      'a factory by another name',
      'export const build = () => ({ fetch() {} });',
      /it exports build; name another export with file:name, or file:name\(\) for a factory/,
    ],
  ])('%s (C27)', async (_, source, message) => {
    await expect(serveFile(appFile(source))).rejects.toThrow(message);
  });
});

describe('the parameters of a function', () => {
  const shape = (source: string) => shapeOf(new Function(`return (${source})`)() as () => void);

  test.each([
    ['req => 1', 'fetch'],
    ['async req => 1', 'fetch'],
    ['function named(/* the, first */ request, response) {}', 'node'],

    ['({ async handle(request, reply) {} }).handle', 'node'],
    ['async function* (environ, startResponse) {}', 'tsgi'],
    ['(environ) => 1', 'tsgi'],
    ['(first, ...rest) => 1', 'tsgi'],
    ['function () { return arguments.length; }', 'tsgi'],
    ['new Proxy(() => {}, {})', 'tsgi'],
    ['({ a, b }, c) => 1', 'tsgi'],
  ])('%s: %s', (source, called) => {
    expect(shape(source)).toMatchObject({ kind: 'handler', interface: called });
  });

  test.each([
    ['() => 1', 'factory'],
    ['async function build(options = {}) {}', 'factory'],
    ['({ logger, port }) => 1', 'unusable'],
    ['class { constructor(request, response) {} }', 'unusable'],
  ])('%s: %s', (source, kind) => {
    expect(shape(source).kind).toBe(kind);
  });
});
