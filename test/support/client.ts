/**
 * A client that writes the given bytes at the time of each call, and reads responses as they arrive.
 */
import { once } from 'node:events';
import net from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';

export interface Answer {
  readonly status: number;
  readonly headers: Record<string, string>;
  readonly body: string;
}

export class Client {
  readonly socket: net.Socket;
  received: Buffer = Buffer.alloc(0);
  ended = false;
  error: Error | undefined;

  private constructor(socket: net.Socket) {
    this.socket = socket;
    socket.on('data', (bytes: Buffer) => {
      this.received = Buffer.concat([this.received, bytes]);
    });
    socket.on('end', () => {
      this.ended = true;
    });
    socket.on('error', (error) => {
      this.error = error;
    });
  }

  static async connect(port: number): Promise<Client> {
    const socket = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
    const client = new Client(socket);
    await once(socket, 'connect');
    return client;
  }

  /** Writes pieces one after the other, each in a separate packet as far as the kernel allows. */
  async write(...pieces: (string | Uint8Array)[]): Promise<void> {
    for (const piece of pieces) {
      if (this.socket.destroyed || this.socket.writableEnded) return;
      this.socket.write(typeof piece === 'string' ? Buffer.from(piece, 'latin1') : piece);
      if (pieces.length > 1) await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** Resolves when `done` holds, or the connection is over. */
  async until(done: () => boolean): Promise<void> {
    while (!done() && !this.ended && !this.socket.destroyed) await wait(1);
  }

  /** The next complete answer; undefined when the connection ended before one. */
  async answer(headRequest = false): Promise<Answer | undefined> {
    let answer: { value: Answer; bytes: number } | undefined;
    await this.until(() => (answer = parseAnswer(this.received, headRequest, false)) !== undefined);
    answer ??= parseAnswer(this.received, headRequest, true);
    if (answer === undefined) return undefined;
    this.received = this.received.subarray(answer.bytes);
    return answer.value.status === 100 ? this.answer(headRequest) : answer.value;
  }

  /** Everything until the server ends the connection. */
  async rest(): Promise<string> {
    await this.until(() => false);
    return this.received.toString('latin1');
  }

  close(): void {
    this.socket.destroy();
  }
}

function parseAnswer(
  bytes: Buffer,
  headRequest: boolean,
  ended: boolean,
): { value: Answer; bytes: number } | undefined {
  const end = bytes.indexOf('\r\n\r\n');
  if (end === -1) return undefined;
  const [line, ...fields] = bytes.subarray(0, end).toString('latin1').split('\r\n');
  const status = Number(line!.split(' ')[1]);
  const headers = Object.fromEntries(
    fields.map((field) => [
      field.slice(0, field.indexOf(':')).toLowerCase(),
      field.slice(field.indexOf(':') + 2),
    ]),
  );
  const start = end + 4;
  const value = (body: string, length: number) => ({
    value: { status, headers, body },
    bytes: start + length,
  });
  if (headRequest || status < 200 || status === 204 || status === 304) return value('', 0);
  if (headers['transfer-encoding'] === 'chunked') return parseChunked(bytes, start, value);
  const length = headers['content-length'];
  if (length === undefined)
    return ended ? value(bytes.toString('latin1', start), bytes.length - start) : undefined;
  if (bytes.length - start < Number(length)) return undefined;
  return value(bytes.toString('latin1', start, start + Number(length)), Number(length));
}

function parseChunked<T>(
  bytes: Buffer,
  start: number,
  value: (body: string, length: number) => T,
): T | undefined {
  let body = '';
  for (let at = start; ;) {
    const line = bytes.indexOf('\r\n', at);
    if (line === -1) return undefined;
    const size = Number.parseInt(bytes.toString('latin1', at, line), 16);
    if (Number.isNaN(size)) throw new Error(`no chunk: ${bytes.toString('latin1', at, at + 100)}`);
    const next = line + 2 + size + 2;
    if (bytes.length < next) return undefined;
    if (size === 0) return value(body, next - start);
    body += bytes.toString('latin1', line + 2, line + 2 + size);
    at = next;
  }
}

/** One connection, one write, the answers until it ends; for requests after which the server closes. */
export async function exchange(port: number, request: string, ...pieces: string[]): Promise<string> {
  const client = await Client.connect(port);
  await client.write(request, ...pieces);
  const text = await client.rest();
  client.close();
  return text;
}
