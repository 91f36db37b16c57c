/**
 * Why the acceptor refuses a request with 503: the limit that was reached, for the log.
 *
 * Law: the code that decides to refuse a request notes the cause here. In the same call, the code that writes the refusal
 * reads the cause and clears it. The request line is decoded only if the refusal is logged. Under overload most refusals are
 * not.
 */
import type { HeadBytes } from '../../ring/message.ts';

/** The name of the option that sets the limit, if an option does. */
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

  /** @param request the request line, or the head while its bytes are valid */
  on(cause: Cause, request: HeadBytes | string = ''): 503 {
    this.cause = cause;
    this.#request = request;
    return 503;
  }

  clear(): void {
    this.cause = '';
    this.#request = '';
  }

  /** Method and target of the request. Empty if they are not known yet. */
  get request(): string {
    const request = this.#request;
    if (typeof request === 'string') return request.slice(0, LONGEST);
    const { bytes, start, methodLength, targetOffset, targetLength } = request;
    const length = Math.min(targetOffset + targetLength, LONGEST);
    const text = Buffer.from(bytes.buffer, bytes.byteOffset + start, length).toString('latin1');
    return methodLength === 0 ? '' : text;
  }
}

/** A request whose worker has ended before the response was complete. */
export interface LostRequest {
  /** Method and target. Empty if they are no longer known. */
  readonly request: string;
  /** True: the response had begun, and the acceptor aborted it. False: the acceptor answered with 502. */
  readonly begun: boolean;
}
