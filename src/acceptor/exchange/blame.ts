/**
 * Why the acceptor refuses a request with 503: the one thing that was full or has passed, for the log.
 *
 * Law: who decides to refuse notes it here in the same call; who writes the refusal reads it, and clears it. A request is
 * put into words only if it is logged: under overload most refusals are not.
 */
import type { HeadBytes } from '../../ring/message.ts';

/** An option's name, where that is the limit. */
export type Cause =
  | 'maxPending'
  | 'maxBuffered'
  | 'maxConnections'
  | 'pendingTimeout'
  | 'descriptors'
  | 'key'
  | 'threads'
  | 'suspended';

const LONGEST = 200;

export class Blame {
  cause: Cause | '' = '';
  #request: HeadBytes | string = '';

  /** @param request its line, or its head while that is live */
  on(cause: Cause, request: HeadBytes | string = ''): 503 {
    this.cause = cause;
    this.#request = request;
    return 503;
  }

  clear(): void {
    this.cause = '';
    this.#request = '';
  }

  /** Method and target; '' if there is none yet. */
  get request(): string {
    const request = this.#request;
    if (typeof request === 'string') return request.slice(0, LONGEST);
    const { bytes, start, methodLength, targetOffset, targetLength } = request;
    const length = Math.min(targetOffset + targetLength, LONGEST);
    const text = Buffer.from(bytes.buffer, bytes.byteOffset + start, length).toString('latin1');
    return methodLength === 0 ? '' : text;
  }
}

/** A request whose worker has ended before its response did. */
export interface LostRequest {
  /** Method and target; '' if they are not known any more. */
  readonly request: string;
  /** Its response had begun, and was broken off; else it was answered 502. */
  readonly begun: boolean;
}
