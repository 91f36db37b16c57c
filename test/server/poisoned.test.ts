/**
 * Applications that damage the built-ins of their thread. The damage ends with the thread.
 */
import { describe, expect, test } from 'vitest';
import { appFile, serveFile } from '../support/server.ts';
import { until } from '../support/until.ts';

const POISONS = {
  throws: "throw new Error('poisoned');",
  'returns nothing': 'return undefined;',
  'returns a number': 'return 1;',
};

/** Applications that replace `Array.prototype.pop` on a request of /poison. Node's async hooks call that method. */
const applications = (body: string) => ({
  'TSGI, synchronous': `export default (environ, startResponse) => {
    if (environ.PATH_INFO === '/poison') Array.prototype.pop = function () { ${body} };
    startResponse(200, []);
    return 'ok';
  };`,
  'TSGI, asynchronous': `export default async (environ, startResponse) => {
    if (environ.PATH_INFO === '/poison') Array.prototype.pop = function () { ${body} };
    await null;
    startResponse(200, []);
    return 'ok';
  };`,
  Node: `export default { handler(request, response) {
    if (request.url === '/poison') Array.prototype.pop = function () { ${body} };
    setTimeout(() => response.end('ok'), 1);
  } };`,
  fetch: `export default { async fetch(request) {
    if (request.url.endsWith('/poison')) Array.prototype.pop = function () { ${body} };
    await new Promise((resolve) => setTimeout(resolve, 1));
    return new Response('ok');
  } };`,
});

describe.each(Object.entries(POISONS))('Array.prototype.pop that %s', (_, body) => {
  test.each(Object.entries(applications(body)))(
    '%s: ends at most its own thread, and the log stays short (A26)',
    async (_, source) => {
      const { port, server, log } = await serveFile(appFile(source), 2);
      const get = (path: string) => fetch(`http://127.0.0.1:${port}${path}`);
      // The poisoning request may be lost with its thread.
      await get('/poison')
        .then((response) => response.text())
        .catch(() => {});
      await until(() => server.stats().workers === 2);
      for (let i = 0; i < 20; i++) expect(await (await get('/')).text()).toMatch(/^(ok|Bad Gateway\n)$/);
      await until(async () => (await (await get('/')).text()) === 'ok');
      expect(log.length).toBeLessThan(250);
    },
  );
});
