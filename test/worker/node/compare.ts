/**
 * Sends the bytes of a case to node:http and to tsgi-threads, and expects equal bytes and equal notes.
 *
 * Law: the permitted differences are defined here, once: Date, Keep-Alive, and Connection except "close".
 */
import { createHash } from 'node:crypto';
import type http from 'node:http';
import type { AddressInfo } from 'node:net';
import { createServer, type ServerOptions } from 'tsgi-threads';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Client } from '../../support/client.ts';
import type { Case, Cases, Sent } from './cases/case.ts';
import { END, NOTES } from './cases/host.ts';

/** The longest time for a complete response, ms. */
const PATIENCE_MS = 6000;

interface Seen {
  readonly wire: string;
  readonly notes: readonly string[];
}

export interface Subject {
  readonly cases: Cases;
  readonly server: http.Server;
  /** The module whose default export is such a server. */
  readonly file: string;
}

export interface Ours {
  readonly threads: number;
  readonly options?: Partial<ServerOptions>;
}

/** One test for each case. */
export function compare(title: string, subject: Subject, { threads, options }: Ours): void {
  describe(title, () => {
    const log: string[] = [];
    const note = (text: string) => void log.push(text);
    const ours = createServer(threads, {
      ...options,
      app: subject.file,
      logger: { error: note, warn: note, info: () => {} },
    });
    let theirs = 0;
    beforeAll(async () => {
      await ours.listen({ port: 0 });
      await new Promise<void>((resolve) => subject.server.listen(0, '127.0.0.1', resolve));
      theirs = (subject.server.address() as AddressInfo).port;
    });
    afterAll(async () => {
      subject.server.closeAllConnections();
      subject.server.close();
      await ours.close();
      expect(log, 'what was logged').toEqual([]);
    });
    test.each(Object.keys(subject.cases))('%s', async (name) => {
      const each = subject.cases[name]!;
      log.length = 0;
      const expected = await see(theirs, name, each);
      const seen = await see(ours.address.port, name, each);
      expect(seen).toEqual(expected);
      expect(log, 'what was logged').toEqual([]);
    });
  });
}

async function see(port: number, name: string, each: Case): Promise<Seen> {
  const client = await Client.connect(port);
  const sent = [each.sends ?? {}].flat() as readonly Sent[];
  const asked = sent.map((one) => bytesOf(one, name)).join('');
  const bytes = each.alone === true ? asked : asked + endOf();
  const talk = each.client === undefined ? client.write(bytes) : each.client(client, bytes);
  const limit = setTimeout(() => client.socket.destroy(new Error('took too long')), PATIENCE_MS);
  await talk;
  const rest = await client.rest();
  const text = each.chunks === 'any' ? joined(rest) : rest;
  clearTimeout(limit);
  const isReset = (client.error as NodeJS.ErrnoException | undefined)?.code === 'ECONNRESET';
  const broken =
    client.error === undefined || (isReset && each.reset === 'may')
      ? ''
      : `\n${(client.error as NodeJS.ErrnoException).code ?? client.error.message}`;
  client.close();
  const notes = each.ends === undefined ? [] : await notesOf(port, name);
  if (each.order === 'any') notes.sort();
  return { wire: each.torn === true ? '' : comparable(text) + broken, notes };
}

async function notesOf(port: number, name: string): Promise<string[]> {
  const headers = { 'x-case': NOTES, 'x-of': name, connection: 'close' };
  const answer = await fetch(`http://127.0.0.1:${port}`, { headers });
  return (await answer.json()) as string[];
}

function bytesOf(
  {
    method = 'GET',
    target = '/',
    version = '1.1',
    fields = [],
    host = ['Host: example.com'],
    body = '',
  }: Sent,
  name: string,
): string {
  return [`${method} ${target} HTTP/${version}`, ...host, `x-case: ${name}`, ...fields, '', body].join(
    '\r\n',
  );
}

/** The request after a case. Its response shows whether the connection still works. */
function endOf(): string {
  return bytesOf({ fields: ['Connection: close'] }, END);
}

/** Chunks, one behind the other, as one. */
function joined(wire: string): string {
  let text = '';
  for (let at = 0; at < wire.length;) {
    const [line, size] = /^([0-9a-f]+)\r\n/.exec(wire.slice(at, at + 10)) ?? [];
    const start = at + (line?.length ?? 0);
    const end =
      size === undefined ? wire.indexOf('\n', at) + 1 || wire.length : start + Number.parseInt(size, 16);
    text += wire.slice(start, end);
    at = size === undefined ? end : end + 2;
  }
  return text;
}

/** What must be the same; long lines by their digest, so that a difference can be read. */
function comparable(wire: string): string {
  return wire
    .replaceAll(
      /[^\r\n]{2000,}/g,
      (line) => `${line.length} bytes ${createHash('sha256').update(line).digest('hex')}`,
    )
    .replaceAll(/\r\n(?:Date|Keep-Alive): [^\r]*(?=\r\n)/g, '')
    .replaceAll(/\r\nConnection: (?!close)[^\r]*(?=\r\n)/g, '');
}
