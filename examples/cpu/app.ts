/**
 * CPU-heavy: hashes a password with scrypt, synchronously, as a login does. One such request keeps one worker busy;
 * the others go on answering.
 *
 *   npx tsgi-threads examples/cpu/app.ts
 *   curl -d 'correct horse' http://127.0.0.1:8000/hash
 */
import { randomBytes, scryptSync } from 'node:crypto';
import type { Application } from 'tsgi-threads/tsgi';

const COST = { N: 2 ** 14, r: 8, p: 1 };

const app: Application = async (environ, startResponse) => {
  const json: [string, string][] = [['content-type', 'application/json']];
  if (environ.REQUEST_METHOD !== 'POST') {
    startResponse(405, [...json, ['allow', 'POST']]);
    return '{"error":"POST a password"}\n';
  }
  const password = await environ['tsgi.input'].read();
  const salt = randomBytes(16);
  const hash = scryptSync(password, salt, 32, COST);
  startResponse(200, json);
  return `${JSON.stringify({ salt: salt.toString('hex'), hash: hash.toString('hex') })}\n`;
};

export default app;
