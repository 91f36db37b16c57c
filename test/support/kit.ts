/**
 * The conformance kit's client, for all kinds of servers.
 */
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import type { CheckOptions, Finding } from 'tsgi-threads/tsgi/conformance';

/** The built kit. Its default export is the application to serve. */
export const KIT: string = createRequire(import.meta.url).resolve('tsgi-threads/tsgi/conformance');

const SOURCE = `
  const { parentPort, workerData } = require('node:worker_threads');
  const kit = import(workerData);
  parentPort.on('message', ({ port, url, options }) => kit
    .then(({ checkServer }) => checkServer(url, options))
    .then((findings) => port.postMessage({ findings }), (error) => port.postMessage({ error })));
`;
let client: Worker | undefined;

/** Runs the client's half in a separate thread, because a server under test may block its own. */
export function check(url: string, options: CheckOptions = {}): Promise<Finding[]> {
  if (client === undefined) {
    client = new Worker(SOURCE, { eval: true, workerData: pathToFileURL(KIT).href });
    client.unref();
  }
  const { port1, port2 } = new MessageChannel();
  client.postMessage({ port: port2, url, options }, [port2]);
  return new Promise((resolve, reject) => {
    port1.once('message', ({ findings, error }: { findings: Finding[]; error?: Error }) => {
      port1.close();
      if (error === undefined) resolve(findings);
      else reject(error);
    });
  });
}
