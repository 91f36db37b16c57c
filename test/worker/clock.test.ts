/**
 * The time in a worker while the system clock is changed.
 */
import { expect, test } from 'vitest';
import { Client } from '../support/client.ts';
import { appFile, serveFile } from '../support/server.ts';

const HOUR_MS = 3_600_000;
const HANDLER_TIMEOUT_MS = 30_000;
const NEAR_MS = 5000;

test('Date is the time of the head, and a deadline counts from the start of its request', async () => {
  const app = appFile(`
    const { now } = Date;
    let ahead = 0;
    Date.now = () => now() + ahead;
    export default (environ, startResponse) => {
      const deadline = environ['tsgi.deadline'] - Date.now();
      if (environ.PATH_INFO === '/on') ahead += ${HOUR_MS};
      if (environ.PATH_INFO === '/back') ahead -= ${HOUR_MS};
      startResponse(200, []);
      return String(deadline);
    };`);
  const { port } = await serveFile(app, 1, { handlerTimeout: HANDLER_TIMEOUT_MS });
  const client = await Client.connect(port);
  const ask = async (path: string) => {
    await client.write(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`);
    const { headers, body } = (await client.answer())!;
    const date = Date.parse(headers.date!);
    expect(Math.abs(Number(body) - HANDLER_TIMEOUT_MS), path).toBeLessThan(NEAR_MS);
    return date - Date.now();
  };
  // Repeats until the application is known to be cheap.
  for (let i = 0; i < 300; i++) expect(Math.abs(await ask('/'))).toBeLessThan(NEAR_MS);
  for (const [path, ahead] of [
    ['/on', HOUR_MS],
    ['/', HOUR_MS],
    ['/back', 0],
    ['/back', -HOUR_MS],
    ['/', -HOUR_MS],
  ] as const)
    expect(Math.abs((await ask(path)) - ahead), path).toBeLessThan(NEAR_MS);
  client.close();
});
