/**
 * An upload that is never held in memory: the application reads the body as it arrives and answers with its size and
 * SHA-256.
 *
 *   npx tsgi-threads examples/upload/app.ts --max-body-size 1GiB
 *   curl -T big.iso http://127.0.0.1:8000/
 */
import { createHash } from 'node:crypto';
import type { Application } from 'tsgi-threads/tsgi';

const app: Application = async (environ, startResponse) => {
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const chunk of environ['tsgi.input']) {
    hash.update(chunk);
    bytes += chunk.length;
  }
  startResponse(200, [['content-type', 'application/json']]);
  return `${JSON.stringify({ bytes, sha256: hash.digest('hex') })}\n`;
};

export default app;
