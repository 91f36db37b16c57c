/**
 * `validate`: the error of the server for an application that breaks a rule, and the response of its clients.
 */
import { expect, test } from 'vitest';
import { serve } from '../support/server.ts';
import { until } from '../support/until.ts';

const ADDS_A_KEY = `
  environ['tsgi.session'] = {};
  startResponse(200, []);
  return 'ok';
`;

test.each([1, 0])(
  'a violation causes 500, and the log names the rule and the cause (%i threads)',
  async (threads) => {
    const { port, log } = await serve(ADDS_A_KEY, threads, { validate: true });
    expect((await fetch(`http://127.0.0.1:${port}`)).status).toBe(500);
    expect(log[0]).toMatch(
      /^GET \/ failed .*tsgi\.session must not be added: tsgi\. is reserved \(TSGI rule A19\)/,
    );
  },
);

test('a server without validate checks no rules', async () => {
  const { port, log } = await serve(ADDS_A_KEY, 1);
  expect(await (await fetch(`http://127.0.0.1:${port}`)).text()).toBe('ok');
  expect(log).toEqual([]);
});

test('an error after the head truncates the response visibly', async () => {
  const { port, log } = await serve(
    `
    startResponse(200, []);
    return (async function* () {
      const bytes = Buffer.from('a');
      yield bytes;
      bytes[0] = 98;
      yield bytes;
    })();
  `,
    1,
    { validate: true },
  );
  const response = await fetch(`http://127.0.0.1:${port}`);
  expect(response.status).toBe(200);
  await expect(response.text()).rejects.toThrow();
  expect(log[0]).toContain(
    'A chunk must not be changed after it was handed over: 1 bytes (GET /) (TSGI rule A12)',
  );
});

test('a rule broken after the end is reported, and no other request is lost', async () => {
  const { port, log } = await serve(
    `
    setTimeout(() => environ['tsgi.errors'].write('late'), 5);
    startResponse(200, []);
    return 'ok';
  `,
    1,
    { validate: true },
  );
  for (let i = 0; i < 5; i++) expect(await (await fetch(`http://127.0.0.1:${port}`)).text()).toBe('ok');
  const late = 'tsgi.errors must not be used after the end (GET /) (TSGI rule A16)';
  await until(() => log.some((line) => line.includes(late)));
});
