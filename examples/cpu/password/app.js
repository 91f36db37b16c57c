/**
 * A login that compares a password with its scrypt hash synchronously: a TSGI application.
 *
 * Such a request keeps one worker busy. The other workers continue to answer.
 *
 *   npx tsgi-threads password/app.js
 *   node password/node.js
 *   curl -d 'correct horse' http://127.0.0.1:8000/login        (node.js listens on port 3000)
 */
import { scryptSync, timingSafeEqual } from 'node:crypto';

const COST = { N: 2 ** 14, r: 8, p: 1 };
/** The user's record, as a database would store it. */
const SALT = Buffer.from('8f3c2a6d19e04b57a1c6d2f0937be845', 'hex');
const HASH = scryptSync('correct horse', SALT, 32, COST);

/** @type {import('tsgi-threads/tsgi').Application} */
export default async function login(environ, startResponse) {
  const text = [['content-type', 'text/plain; charset=utf-8']];
  if (environ.PATH_INFO === '/health') {
    startResponse(200, text);
    return 'ok\n';
  }
  if (environ.REQUEST_METHOD !== 'POST') {
    startResponse(405, [...text, ['allow', 'POST']]);
    return 'POST a password\n';
  }
  const password = await environ['tsgi.input'].read();
  const matches = timingSafeEqual(scryptSync(password, SALT, 32, COST), HASH);
  startResponse(matches ? 200 : 401, text);
  return matches ? 'Welcome\n' : 'Wrong password\n';
}
