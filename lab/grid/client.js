/**
 * A client that sees the bytes on the wire: one connection, one request after the other, the complete response.
 *
 * Law: reads, and judges nothing. Names keep their case. A body is the concatenation of its chunks.
 */
import net from 'node:net';

/** The longest time for a response, ms. */
const PATIENCE_MS = 15_000;
const CLOSING = /^close$/i;
const NO_BODY = new Set([204, 304]);

export class Client {
  #socket;
  #received = Buffer.alloc(0);
  #over = false;
  #wake = () => {};

  /** @param {number} port on this machine */
  constructor(port) {
    this.#socket = net.connect({ port, host: '127.0.0.1', noDelay: true });
    this.#socket.setTimeout(PATIENCE_MS, () =>
      this.#socket.destroy(new Error('The server sent no response in time')),
    );
    this.#socket.on('data', (bytes) => {
      this.#received = Buffer.concat([this.#received, bytes]);
      this.#wake();
    });
    const end = (error) => {
      this.error ??= error instanceof Error ? error : undefined;
      this.#over = true;
      this.#wake();
    };
    this.#socket.on('end', end).on('close', end).on('error', end);
  }

  /** Whether the server has ended the connection. */
  get over() {
    return this.#over;
  }

  /**
   * Sends a head, then a body piece by piece. If the head has `Expect: 100-continue`, the body waits for `100
   * Continue`.
   *
   * @param {string} head
   *
   * @param {Buffer[]} pieces
   */
  async ask(head, pieces) {
    const interim = [];
    const method = head.slice(0, head.indexOf(' '));
    const waits = /^expect: 100-continue\r$/im.test(head);
    this.#socket.write(head, 'latin1');
    let sent = false;
    const send = async () => {
      sent = true;
      for (const piece of pieces) {
        this.#socket.write(piece);
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
    };
    if (!waits) await send();
    for (;;) {
      const answer = await this.#head();
      if (answer.status >= 200) {
        const body = await this.#body(method, answer);
        if (CLOSING.test(valueOf(answer.headers, 'connection'))) await this.#until(() => false);
        return { ...answer, interim, ...body };
      }
      interim.push(answer);
      if (answer.status === 100 && !sent) await send();
    }
  }

  close() {
    this.#socket.destroy();
  }

  async #head() {
    const end = await this.#find('\r\n\r\n', 0);
    if (end === -1) {
      const reason = this.error?.message ?? 'the connection ended';
      throw new Error(`${reason} after ${JSON.stringify(this.#received.toString('latin1'))}`);
    }
    const [line, ...fields] = this.#take(end + 4)
      .toString('latin1', 0, end)
      .split('\r\n');
    const [, version, status, reason] = /^(HTTP\/\d\.\d) (\d{3}) ?(.*)$/.exec(line) ?? [];
    if (version === undefined) throw new Error(`no status line: ${JSON.stringify(line)}`);
    return { version, status: Number(status), reason, headers: fields.map(splitField) };
  }

  async #body(method, { status, headers }) {
    if (method === 'HEAD' || NO_BODY.has(status)) return { body: Buffer.alloc(0), trailers: [] };
    if (valueOf(headers, 'transfer-encoding') === 'chunked') return this.#chunks();
    const length = valueOf(headers, 'content-length');
    if (length === undefined) {
      await this.#until(() => false);
      return { body: this.#take(this.#received.length), trailers: [] };
    }
    await this.#until(() => this.#received.length >= Number(length));
    return { body: this.#take(Number(length)), trailers: [], ...this.#cut(Number(length)) };
  }

  /** A body that is shorter than announced becomes visible. */
  #cut(length) {
    return this.#over && this.#received.length === 0 && length > 0 && this.error ? { cut: true } : {};
  }

  async #chunks() {
    const pieces = [];
    for (;;) {
      const end = await this.#find('\r\n', 0);
      if (end === -1) return { body: Buffer.concat(pieces), trailers: [], cut: true };
      const size = Number.parseInt(this.#take(end + 2).toString('latin1'), 16);
      if (size === 0) break;
      await this.#until(() => this.#received.length >= size + 2);
      pieces.push(this.#take(size + 2).subarray(0, -2));
    }
    const trailers = [];
    for (;;) {
      const end = await this.#find('\r\n', 0);
      const line = this.#take(Math.max(end, 0) + 2).toString('latin1', 0, Math.max(end, 0));
      if (line === '') return { body: Buffer.concat(pieces), trailers };
      trailers.push(splitField(line));
    }
  }

  async #find(text, from) {
    let at = -1;
    await this.#until(() => (at = this.#received.indexOf(text, from)) !== -1);
    return at;
  }

  #take(length) {
    const bytes = this.#received.subarray(0, length);
    this.#received = this.#received.subarray(length);
    return bytes;
  }

  async #until(done) {
    while (!done() && !this.#over)
      await new Promise((resolve) => {
        this.#wake = () => resolve(undefined);
      });
  }
}

function valueOf(headers, wanted) {
  return headers.find(([name]) => name.toLowerCase() === wanted)?.[1];
}

function splitField(field) {
  const colon = field.indexOf(':');
  return [field.slice(0, colon), field.slice(colon + 1).trim()];
}
