/**
 * A worker compiles no WebAssembly on another thread that could still run when the worker ends.
 */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { Client } from '../support/client.ts';
import { Cli } from '../support/cli.ts';
import { appFile, serveFile } from '../support/server.ts';

const SMALL = new URL('../../native/shim.wasm', import.meta.url);
const NODE = Number.parseInt(process.versions.node, 10);
const FIXED_IN = 24;

async function askTwice(code: string): Promise<string[]> {
  const { port } = await serveFile(appFile(code), 1);
  const client = await Client.connect(port);
  const bodies: string[] = [];
  for (const path of ['/1', '/2']) {
    await client.write(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`);
    bodies.push((await client.answer())?.body ?? 'none');
  }
  client.close();
  return bodies;
}

test('a TSGI application is served without Node’s HTTP client, which Response and an imported node:http contain', async () => {
  const bodies = await askTwice(`
    export default async (environ, startResponse) => {
      startResponse(200, []);
      return String(process.moduleLoadList.filter((name) => name.includes('undici')));
    };`);
  expect(bodies).toEqual(['', '']);
});

test.runIf(NODE < FIXED_IN)(
  'a small module is compiled when the call returns, and one that is broken is rejected',
  async () => {
    const bytes = readFileSync(SMALL).toString('base64');
    const [first] = await askTwice(`
      const bytes = Buffer.from('${bytes}', 'base64');
      const found = [];
      WebAssembly.compile(bytes).then((module) => found.push(module instanceof WebAssembly.Module));
      WebAssembly.compile(bytes.subarray(1)).catch((error) => found.push(error.name));
      // Waits for two turns of promises. A module from another thread would arrive with the next turn of the loop.
      await null;
      await null;
      const seen = String(found);
      const refused = await WebAssembly.compile('text').catch(({ name }) => name);
      export default (environ, startResponse) => (startResponse(200, []), seen + ' ' + refused);`);
    expect(first).toBe('true,CompileError TypeError');
  },
);

test('an application is served with frozen intrinsics', async () => {
  const app = appFile(
    'export default (environ, startResponse) => (startResponse(200, []), String(Object.isFrozen(WebAssembly)));',
  );
  const cli = new Cli([app, '--port', '0', '--threads', '1'], {
    env: { NODE_OPTIONS: `--require ${appFile('Object.freeze(WebAssembly);', 'freeze.cjs')}` },
  });
  expect(await (await fetch(await cli.url())).text()).toBe('true');
});

test('a large module is compiled as before, on another thread', async () => {
  // The module has a custom section of 100 KiB after the header.
  const [first] = await askTwice(`
    const size = 100 * 1024;
    const header = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 0, 0x80 | (size & 127), 0x80 | ((size >> 7) & 127), size >> 14];
    const found = [];
    const compiled = WebAssembly.compile(Buffer.concat([Buffer.from(header), Buffer.alloc(size)]));
    compiled.then(() => found.push('at once'));
    await null;
    await null;
    const seen = String(found);
    const isModule = (await compiled) instanceof WebAssembly.Module;
    export default (environ, startResponse) => (startResponse(200, []), seen + isModule);`);
  expect(first).toBe('true');
});
