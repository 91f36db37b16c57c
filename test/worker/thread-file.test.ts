/**
 * The bundled files of the worker (`scripts/bundle.js`): a thread loads few files, and none of them twice.
 */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { Client } from '../support/client.ts';
import { appFile, serveFile } from '../support/server.ts';

const WORKER = new URL('../../dist/worker/', import.meta.url);
const TSGI = new URL('../../dist/tsgi/index.js', import.meta.url).href;

/** The project's own files that a file imports, as it names them. */
function importsOf(name: string): string[] {
  const text = readFileSync(new URL(name, WORKER), 'utf8');
  return [...text.matchAll(/^(?:import|\}) .*"(\..*)";$/gm)].map(([, imported]) => imported!);
}

test('a thread loads no separate file of the bundled rooms except the test points', () => {
  const [chunk] = importsOf('thread.js').filter((name) => name.startsWith('./thread-'));
  const imported = new Set([...importsOf('thread.js'), ...importsOf(chunk!)]);
  const apart = [...imported].filter((name) => !name.startsWith('./thread-')).sort();
  expect(apart.filter((name) => !name.startsWith('./../tsgi/'))).toEqual([
    // The file finds the folder of this package by its own path.
    './../error-text.js',
    './../errors.js',
    './../server-limits.js',
    './../stand-in.js',
    './points.js',
  ]);
});

test('an application and its worker share the classes that both import', async () => {
  const app = appFile(`
    import { fileWrapper, TsgiRuleError } from ${JSON.stringify(TSGI)};
    export default (environ, startResponse) => {
      const seen = [environ['tsgi.file_wrapper'] === fileWrapper];
      startResponse(200, []);
      try {
        startResponse(200, []);
      } catch (error) {
        seen.push(error instanceof TsgiRuleError);
      }
      return String(seen);
    };`);
  const { port } = await serveFile(app, 1);
  const client = await Client.connect(port);
  await client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  expect((await client.answer())?.body).toBe('true,true');
  client.close();
});
