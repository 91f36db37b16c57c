/**
 * The conformance kit's client, for servers of all sorts.
 */
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import type { CheckOptions, Finding } from 'tsgi-threads/tsgi/conformance';

/** The built kit; its default export is the application to serve. */
export const KIT: string = createRequire(import.meta.url).resolve('tsgi-threads/tsgi/conformance');

/** The client's half in a thread of its own: a server under test may stop the one it lives in. */
export async function check(url: string, options: CheckOptions = {}): Promise<Finding[]> {
  const source = `
    const { parentPort, workerData } = require('node:worker_threads');
    import(workerData.kit)
      .then(({ checkServer }) => checkServer(workerData.url, workerData.options))
      .then((findings) => parentPort.postMessage(findings));
  `;
  const workerData = { kit: pathToFileURL(KIT).href, url, options };
  const worker = new Worker(source, { eval: true, workerData });
  try {
    return await new Promise((resolve, reject) => {
      worker.once('message', resolve);
      worker.once('error', reject);
    });
  } finally {
    await worker.terminate();
  }
}
