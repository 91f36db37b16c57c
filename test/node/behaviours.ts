/**
 * A behaviour of Node's HTTP server that programs depend on, tried on three servers: node:http, `tsgi-threads/node`, and a
 * program in a worker. The first shows that the expectation is Node's own.
 *
 * Law: starts the servers and passes messages; what is expected stands in the test files. A program is one function without
 * a closure: for the worker its source goes into a file.
 */
import { once } from 'node:events';
import nodeHttp from 'node:http';
import type { AddressInfo } from 'node:net';
import stream from 'node:stream';
import { createServer } from 'tsgi-threads';
import ourHttp from 'tsgi-threads/node';
import { describe, onTestFinished, test } from 'vitest';
import { Client } from '../support/client.ts';
import { appFile } from '../support/server.ts';
import { until } from '../support/until.ts';

/** What a program gets. */
export interface Given {
  readonly http: typeof nodeHttp;
  readonly stream: typeof stream;
  /** Adds a line to `notes`. */
  readonly note: (text: string) => void;
  /** Calls the listener when the test sends `name`. */
  readonly on: (name: string, listener: () => void) => void;
}

/** Makes a server. It listens by `listen(0, '127.0.0.1')`, which the harness calls if the program has not. */
export type Program = (given: Given) => nodeHttp.Server;

/** What a test gets. */
export interface Tried {
  readonly subject: SubjectName;
  readonly port: number;
  /** What the program has noted by now. */
  readonly notes: readonly string[];
  /** Resolves when a note is equal to `text`. */
  noted(text: string): Promise<void>;
  send(name: string): void;
  /** A client that is closed when the test ends. */
  connect(): Promise<Client>;
}

export type SubjectName = 'node:http' | 'tsgi-threads/node' | 'a worker';

interface Running {
  readonly port: number;
  readonly send: (name: string) => void;
}

/** One test for each subject. `only` leaves some out. */
export function behaviour(
  title: string,
  program: Program,
  check: (tried: Tried) => Promise<void>,
  only: readonly SubjectName[] = ['node:http', 'tsgi-threads/node', 'a worker'],
): void {
  describe(title, () => {
    test.each(only)('%s', async (subject) => {
      const notes: string[] = [];
      const { port, send } = await START[subject](program, (text) => notes.push(text));
      await check({
        subject,
        port,
        notes,
        send,
        noted: async (text) => {
          await until(
            () => notes.includes(text),
            () => `no note "${text}" in ${JSON.stringify(notes)}`,
          );
        },
        connect: async () => {
          const client = await Client.connect(port);
          onTestFinished(() => client.close());
          return client;
        },
      });
    });
  });
}

type Start = (program: Program, note: (text: string) => void) => Promise<Running>;

const START: Record<SubjectName, Start> = {
  'node:http': (program, note) => startHere(nodeHttp, program, note),
  'tsgi-threads/node': (program, note) => startHere(ourHttp as unknown as typeof nodeHttp, program, note),
  'a worker': startWorker,
};

async function startHere(
  http: typeof nodeHttp,
  program: Program,
  note: (text: string) => void,
): Promise<Running> {
  const listeners: Map<string, () => void> = new Map();
  const server = program({ http, stream, note, on: (name, listener) => void listeners.set(name, listener) });
  onTestFinished(() => {
    if (server.listening) server.close();
    server.closeAllConnections();
  });
  if (!server.listening) server.listen(0, '127.0.0.1');
  const { port } = (server.address() ?? (await addressOf(server))) as AddressInfo;
  return { port, send: (name) => listeners.get(name)!() };
}

async function addressOf(server: nodeHttp.Server) {
  await once(server, 'listening');
  return server.address();
}

/** Notes and messages go through a channel between threads. */
async function startWorker(program: Program, note: (text: string) => void): Promise<Running> {
  const name = `behaviour ${Math.random()}`;
  let onReady!: () => void;
  const ready = new Promise<void>((resolve) => (onReady = resolve));
  const channel = new BroadcastChannel(name);
  channel.onmessage = (message) => {
    const { text } = (message as { data: { text?: string } }).data;
    if (text === 'ready') onReady();
    else if (text !== undefined) note(text);
  };
  const file = appFile(`import http from 'node:http';
    import stream from 'node:stream';
    const channel = new BroadcastChannel(${JSON.stringify(name)});
    channel.unref();
    const listeners = new Map();
    // The server listens later than under Node, so that it listens is not seen at once.
    let called = false;
    const { listen } = http.Server.prototype;
    http.Server.prototype.listen = function (...args) {
      called = true;
      return listen.apply(this, args);
    };
    channel.onmessage = ({ data }) => listeners.get(data.name)?.();
    const server = (${program.toString()})({
      http,
      stream,
      note: (text) => channel.postMessage({ text }),
      on: (name, listener) => listeners.set(name, listener),
    });
    server.once('listening', () => channel.postMessage({ text: 'ready' }));
    if (!called) server.listen(0, '127.0.0.1');`);
  const ours = createServer(1, {
    app: file,
    shutdownTimeout: 1000,
    logger: { error: note, warn: note, info: () => {} },
  });
  await ours.listen({ port: 0, host: '127.0.0.1' });
  await ready;
  onTestFinished(async () => {
    channel.close();
    await ours.terminate();
  });
  return { port: ours.address.port, send: (name) => channel.postMessage({ name }) };
}

export const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';

export function get(target: string, ...fields: readonly string[]): string {
  return [`GET ${target} HTTP/1.1`, 'Host: a', ...fields, '', ''].join('\r\n');
}
