/**
 * The time that an export waits for a call of `listen`. The text of its file and an earlier worker decide it.
 */
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { type Expected, type Loaded, loadApplication } from '../../src/worker/load/load.ts';
import { ListeningProgram } from '../../src/worker/load/listening-program.ts';
import { appFile } from '../support/server.ts';

const FETCH = `{ fetch: () => new Response('') }`;
const owner = {
  programOnAsk() {},
  programOnServe() {},
  programOnLimits() {},
  programOnCut() {},
  programOnCutRunning() {},
  programOnClose() {},
  running: () => 0,
  idle: async () => {},
};
const never = new Promise<void>(() => {});
const watch = { drained: () => never, stuck: never, hold() {}, release() {}, stop() {} };

/** Loads the file while its event loop stays alive and no timer fires. */
function load(source: string, { expects = null as Expected, hearsLater = true, name = 'app.mjs' } = {}) {
  const file = appFile(source, name);
  return loadApplication({
    url: pathToFileURL(file).href,
    source: file,
    isScript: name.endsWith('.cjs'),
    exportName: '',
    interface: 'auto',
    expects,
    program: new ListeningProgram(owner, [], null),
    watch,
    hearsLater,
  });
}

/** Whether the export waits. Resolves once the module is loaded and a wait for `listen` would have begun. */
async function waits(loading: Promise<Loaded>): Promise<boolean> {
  const timers = () => vi.getTimerCount() > 0;
  const begun = vi.waitUntil(timers, { interval: 1 }).then(() => true);
  return Promise.race([begun, loading.then(() => false)]);
}

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout'] }));
afterEach(() => void vi.useRealTimers());

describe('an application is served at once although its event loop stays alive', () => {
  test.each([
    ['an object with fetch', `export default ${FETCH};`],
    ['a listener', `export default (request, response) => response.end();`],
    ['a TSGI application', `export default (environ, startResponse) => [];`],
    ['a factory that its file does not call', `export default function make() { return ${FETCH}; }`],
    ['one whose comments name listen', `// app.listen(1)\n/* serve() */ export default ${FETCH};`],
  ])('%s (C13)', async (_, source) => {
    expect(await waits(load(source))).toBe(false);
  });

  test.each([
    ['an application', `export default ${FETCH}; const go = (app) => app.listen(1);`],
    ['a factory', `export default function make() { return ${FETCH}; }\nif (false) make();`],
  ])('%s whose earlier worker did not listen (C13)', async (_, source) => {
    expect(await waits(load(source, { expects: 'export' }))).toBe(false);
  });
});

describe('an export waits for a call of listen', () => {
  test.each([
    [
      'its file calls listen',
      `export default ${FETCH}; const go = (app) => { connect('db://a').then(() => app.listen(1)); };`,
      {},
    ],
    [
      'its file calls the factory',
      `export default function make() { return ${FETCH}; }\nif (false) make();`,
      {},
    ],
    ['an earlier worker listened', `export default ${FETCH};`, { expects: 'listen' as const }],
    ['a later call would not be noticed', `export default ${FETCH};`, { hearsLater: false }],
  ])('if %s (C13)', async (_, source, parts) => {
    expect(await waits(load(source, parts))).toBe(true);
  });
});
