/**
 * A client that sends exactly the given bytes, and reads the response byte by byte.
 *
 * Law: knows HTTP/1.1 framing as a reader must (RFC 9112 §6); checks nothing else.
 */
import { once } from 'node:events';
import net from 'node:net';

export interface Answer {
  readonly status: number;
  /** Fields in the order in which they arrived. */
  readonly fields: readonly (readonly [name: string, value: string])[];
  readonly body: Uint8Array;
  /** The body as UTF-8. */
  readonly text: string;
  /** True if the body reached the end that its framing announced. False if the connection ended first. */
  readonly complete: boolean;
}

export function field(answer: Answer, name: string): string | undefined {
  return answer.fields.find((entry) => entry[0].toLowerCase() === name)?.[1];
}

interface Head {
  readonly status: number;
  readonly fields: [string, string][];
  /** Offset of the body. */
  readonly start: number;
}

export class RawConnection {
  readonly #socket: net.Socket;
  readonly #timeout: number;
  #received: Buffer = Buffer.alloc(0);
  #over = false;
  #wake: (() => void) | null = null;

  private constructor(socket: net.Socket, timeout: number) {
    this.#socket = socket;
    this.#timeout = timeout;
    socket.on('data', (bytes) => {
      this.#received = Buffer.concat([this.#received, bytes]);
      this.#wake?.();
    });
    for (const event of ['end', 'close', 'error']) {
      socket.on(event, () => {
        this.#over = true;
        this.#wake?.();
      });
    }
  }

  static async open(url: URL, timeout: number): Promise<RawConnection> {
    const socket = net.connect({ host: url.hostname.replace(/^\[|\]$/g, ''), port: Number(url.port || 80) });
    await once(socket, 'connect');
    return new RawConnection(socket, timeout);
  }

  /** Sends bytes. Text is Latin-1. */
  send(bytes: string | Uint8Array): void {
    if (!this.#over) this.#socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes);
  }

  /** Stops reading, so that the server's sends stall. */
  pause(): void {
    this.#socket.pause();
  }

  /** Received bytes that `answer` has not taken yet. */
  get received(): string {
    return this.#received.toString('latin1');
  }

  /** Resolves when `done` holds, or the connection is over. Rejects after the timeout. */
  async until(done: () => boolean): Promise<void> {
    const timeout = AbortSignal.timeout(this.#timeout);
    while (!done() && !this.#over) {
      await new Promise<void>((resolve, reject) => {
        this.#wake = resolve;
        timeout.onabort = () => reject(new Error(`nothing came within ${this.#timeout} ms`));
      });
    }
    timeout.onabort = null;
  }

  /**
   * Reads the next response.
   *
   * @param hasBody false for the response to HEAD
   */
  async answer(hasBody = true): Promise<Answer> {
    const head = await this.#head();
    const none = !hasBody || head.status < 200 || head.status === 204 || head.status === 304;
    const { body, complete } = none ? NO_BODY : await this.#body(head);
    const { status, fields } = head;
    return { status, fields, body, text: body.toString('utf8'), complete };
  }

  close(): void {
    this.#socket.destroy();
  }

  /** Closes the connection without a FIN: the server sees a reset. */
  reset(): void {
    this.#socket.resetAndDestroy();
  }

  async #head(): Promise<Head> {
    await this.until(() => this.#received.includes('\r\n\r\n'));
    const end = this.#received.indexOf('\r\n\r\n');
    if (end === -1)
      throw new Error(`the connection ended before an answer: ${JSON.stringify(this.received)}`);
    const [line, ...lines] = this.#received.toString('latin1', 0, end).split('\r\n');
    const status = Number(/^HTTP\/1\.[01] (\d{3})(?: |$)/.exec(line!)?.[1]);
    if (!(status >= 100)) throw new Error(`this is no answer: ${JSON.stringify(line)}`);
    const fields = lines.map((text): [string, string] => {
      const colon = text.indexOf(':');
      return [text.slice(0, colon), text.slice(colon + 1).trim()];
    });
    this.#received = this.#received.subarray(end + 4);
    return { status, fields, start: end + 4 };
  }

  #body({ fields }: Head): Promise<{ body: Buffer; complete: boolean }> {
    const find = (name: string) => fields.find((entry) => entry[0].toLowerCase() === name)?.[1];
    if (find('transfer-encoding') !== undefined) return this.#chunked();
    const length = find('content-length');
    return length === undefined ? this.#untilClose() : this.#exactly(Number(length));
  }

  async #exactly(length: number): Promise<{ body: Buffer; complete: boolean }> {
    await this.until(() => this.#received.length >= length);
    return { complete: this.#received.length >= length, body: this.#take(length) };
  }

  async #untilClose(): Promise<{ body: Buffer; complete: boolean }> {
    await this.until(() => false);
    // A reset is not an end: only a FIN is (RFC 9112 §6.3).
    return { complete: this.#socket.errored === null, body: this.#take(this.#received.length) };
  }

  async #chunked(): Promise<{ body: Buffer; complete: boolean }> {
    const chunks: Buffer[] = [];
    for (;;) {
      await this.until(() => this.#received.includes('\r\n'));
      const size = Number.parseInt(this.#received.toString('latin1', 0, this.#received.indexOf('\r\n')), 16);
      if (Number.isNaN(size)) return { complete: false, body: Buffer.concat(chunks) };
      this.#take(this.#received.indexOf('\r\n') + 2);
      await this.until(() => this.#received.length >= size + 2);
      const whole = this.#received.length >= size + 2;
      chunks.push(this.#take(size));
      this.#take(2);
      if (!whole || size === 0) return { complete: whole, body: Buffer.concat(chunks) };
    }
  }

  #take(length: number): Buffer {
    const taken = this.#received.subarray(0, length);
    this.#received = this.#received.subarray(length);
    return taken;
  }
}

const NO_BODY = { body: Buffer.alloc(0), complete: true };
