/**
 * A real server for a test: an application written to a file of its own, served by the built package.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createServer, type Server, type ServerOptions } from 'tsgi-threads';
import { onTestFinished } from 'vitest';

export interface TestServer {
  readonly server: Server;
  readonly port: number;
  /** What the server logged. */
  readonly log: string[];
}

/** Writes `source` to a temporary file that goes with the test. */
export function appFile(source: string, name = 'app.mjs'): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'tsgi-test-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const file = path.join(folder, name);
  writeFileSync(file, source);
  return file;
}

/** Serves the body of an application `(environ, startResponse) => { … }` until the test ends. */
export async function serve(
  body: string,
  threads = 1,
  options: Partial<ServerOptions> = {},
): Promise<TestServer> {
  const app = appFile(`export default async (environ, startResponse) => {\n${body}\n};\n`);
  return serveFile(app, threads, options);
}

export async function serveFile(
  app: string,
  threads = 1,
  options: Partial<ServerOptions> = {},
): Promise<TestServer> {
  const log: string[] = [];
  const note = (text: string) => void log.push(text);
  const logger = { error: note, warn: note, info: note };
  const server = createServer(threads, { logger, ...options, app });
  await server.listen({ port: 0 });
  onTestFinished(() => server.close());
  return { server, port: server.address.port, log };
}
