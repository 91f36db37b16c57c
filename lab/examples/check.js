/**
 * Checks that each example answers correctly on both servers, with equal status, fields and bytes.
 */
import { isDeepStrictEqual } from 'node:util';
import { ask } from './client.js';
import { CHEAP } from './examples.js';
import { startBoth } from './servers.js';

/** Fields that a server may choose: the connection and the framing of the body. */
const OWN_FIELDS = ['date', 'connection', 'keep-alive', 'content-length', 'transfer-encoding'];

/** Prints a line for each example. Returns the number of failures. */
export async function check(examples) {
  let failed = 0;
  for (const example of examples) {
    const faults = await faultsOf(example).catch((error) => [error.message]);
    console.log(`${faults.length === 0 ? 'ok    ' : 'FAILED'} ${example.name}: ${example.what}`);
    for (const fault of faults) console.log(`       ${fault}`);
    if (faults.length > 0) failed += 1;
  }
  return failed;
}

async function faultsOf({ page, holds, refused, ...commands }) {
  const subjects = await startBoth(commands);
  const faults = [];
  for (const [asked, status, pattern] of [
    [CHEAP, 200, /^ok\n$/],
    [page, 200, holds],
    [refused, refused.status, /./],
  ]) {
    const [theirs, ours] = await Promise.all(subjects.map(({ url }) => ask(url, asked)));
    faults.push(...wrong(theirs, status, pattern, `node:http ${asked.path}`));
    faults.push(...wrong(ours, status, pattern, `tsgi-threads ${asked.path}`));
    faults.push(...differences(theirs, ours, asked.path));
  }
  for (const subject of subjects) await subject.end();
  return faults;
}

function* wrong(answer, status, pattern, where) {
  if (answer.status !== status) yield `${where} answers ${answer.status} instead of ${status}`;
  const body = answer.bytes.toString('latin1');
  if (!pattern.test(body)) yield `${where} answers with ${body.length} bytes that do not match ${pattern}`;
}

function* differences(theirs, ours, where) {
  const [expected, found] = [theirs, ours].map(({ headers }) =>
    Object.entries(headers)
      .filter(([name]) => !OWN_FIELDS.includes(name))
      // The fetch standard writes `text/plain;charset=UTF-8`. Hono's adapter adds a space.
      .map(([name, value]) => [name, String(value).replace(/;\s*/g, ';')])
      .sort(),
  );
  if (!isDeepStrictEqual(found, expected))
    yield `${where} has other fields: ${JSON.stringify(found)}, with node:http ${JSON.stringify(expected)}`;
  if (!theirs.bytes.equals(ours.bytes))
    yield `${where} has other bytes: ${ours.bytes.length}, with node:http ${theirs.bytes.length}`;
}
