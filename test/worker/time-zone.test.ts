/**
 * An application that sets its time zone.
 */
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { Cli } from '../support/cli.ts';
import { appFile, serveFile } from '../support/server.ts';

const ZONE = 'Asia/Tokyo';
const ANSWER = `(environ, startResponse) => { startResponse(200, []); return new Date(0).toString(); }`;

test.each([
  ['its module', `process.env.TZ = '${ZONE}';\nexport default ${ANSWER};`],
  ['its hook init', `export const init = () => { process.env.TZ = '${ZONE}'; };\nexport default ${ANSWER};`],
  [
    'a program',
    `import http from 'node:http';\nprocess.env.TZ = '${ZONE}';\nhttp.createServer((_, response) => response.end('x')).listen(0);`,
  ],
])('a time zone set by %s causes one line with the remedy for all workers (C21)', async (_, source) => {
  const { log } = await serveFile(appFile(source), 2);
  const lines = log.filter((line) => line.includes('process.env.TZ'));
  expect(lines).toHaveLength(1);
  expect(lines[0]).toMatch(/"Asia\/Tokyo".*TZ=Asia\/Tokyo.*--env-file/);
});

test('the zone in effect, and an application that sets no zone, cause no line (C21)', async () => {
  const { timeZone } = Intl.DateTimeFormat().resolvedOptions();
  for (const line of [`process.env.TZ = ${JSON.stringify(timeZone)};`, '']) {
    const { log } = await serveFile(appFile(`${line}\nexport default ${ANSWER};`), 1);
    expect(log.filter((text) => text.includes('TZ'))).toEqual([]);
  }
});

test('the remedy works: --env-file and the environment set the zone of the workers (C21)', async () => {
  const app = appFile(`process.env.TZ = '${ZONE}';\nexport default ${ANSWER};`);
  const file = path.join(path.dirname(app), 'zone.env');
  writeFileSync(file, `TZ=${ZONE}\n`);
  const options = ['--port', '0', '--threads', '1'];
  const clis = [
    new Cli([app, '--env-file', file, ...options]),
    new Cli([app, ...options], { env: { TZ: ZONE } }),
  ];
  for (const cli of clis) {
    expect(await (await fetch(await cli.url())).text()).toMatch(/GMT\+0900/);
    expect(cli.stderr).not.toContain('process.env.TZ');
  }
});
