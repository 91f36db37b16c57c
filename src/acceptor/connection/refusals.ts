/**
 * The acceptor's own answers: requests that no application sees, or that it was too late for.
 *
 * Law: the words of an answer, and when its client may come back; whom it is for is the connection's.
 */
import { HttpDate } from '../../http/date.ts';
import { encodeRefusal } from '../../http/encoder.ts';

const HEAD_END = '\r\n\r\n';

export class Refusals {
  /** How many there were. */
  count = 0;
  readonly #date: HttpDate = new HttpDate();
  readonly #retryAfter: () => number;

  /** @param retryAfter seconds until a request that is shed now may find room */
  constructor(retryAfter: () => number) {
    this.#retryAfter = retryAfter;
  }

  /** A complete answer. `detail`: '' is none. `isHead`: without the body, as the answer to a HEAD request. */
  encode(status: number, detail: string, close: boolean, isHead: boolean): Uint8Array {
    this.count += 1;
    const retryAfter = status === 503 ? this.#retryAfter() : undefined;
    const answer = encodeRefusal(status, { close, date: this.#date.at(Date.now()), detail, retryAfter });
    return Buffer.from(
      isHead ? answer.slice(0, answer.indexOf(HEAD_END) + HEAD_END.length) : answer,
      'latin1',
    );
  }
}
