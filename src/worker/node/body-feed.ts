/**
 * Moves the rest of a request's body into Node's request, if the head did not bring all of it.
 *
 * Law: decides when it takes bytes, and how many. Its owner decides where the bytes go, and what the body's end means.
 */
import type { IncomingMessage } from 'node:http';
import type { InboundBody } from '../exchange/inbound.ts';
import { isRead } from './request.ts';

/** The exchange of the body. */
export interface FeedOwner {
  /** True if no more of the body is read. */
  readonly bodyIsOver: boolean;
  /** The request that receives the bytes. */
  readonly bodyReader: IncomingMessage;
  /** Returns false if the request has enough bytes for now. */
  feedOnBytes(bytes: Uint8Array): boolean;
  feedOnEnd(): void;
  /** The client has gone in the middle of the body, or has broken it off. */
  feedOnBroken(): void;
  /** The client has left, and the application does not read the body. */
  feedOnUnread(): void;
}

/** Bytes that one read takes from a Node socket. */
const NODE_READ = 64 * 1024;

export class BodyFeed {
  readonly #body: InboundBody;
  readonly #owner: FeedOwner;
  #waits = false;
  #fills = false;
  /** True once this worker has requested the body from the acceptor. */
  asked = false;

  constructor(body: InboundBody, owner: FeedOwner) {
    this.#body = body;
    this.#owner = owner;
  }

  /** Continues to read: the request has room. */
  resume(): void {
    if (!this.#waits && !this.#owner.bodyIsOver) this.#read();
  }

  /**
   * The client has left after it sent the whole body. The request receives as much of it as Node's socket would have read by
   * now.
   *
   * @param patience milliseconds after which the exchange stops to wait for a reader of the body. 0 disables the limit. The
   * first call decides.
   */
  fill(patience: number): void {
    const isFirst = !this.#fills;
    this.#fills = true;
    this.resume();
    if (isFirst && patience > 0) setTimeout(look, patience, this, patience).unref();
  }

  /** Called by `look` alone. */
  looked(patience: number): void {
    if (this.#owner.bodyIsOver) return;
    if (!isRead(this.#owner.bodyReader)) return this.#owner.feedOnUnread();
    setTimeout(look, patience, this, patience).unref();
  }

  /** Passes bytes to the request until it has enough. Waits if there are none. */
  #read(): void {
    const owner = this.#owner;
    while (!owner.bodyIsOver) {
      const bytes = this.#next();
      if (owner.bodyIsOver) return;
      if (bytes === undefined) return this.#wait();
      if (bytes === null) return owner.feedOnEnd();
      // As in Node, an error from the request's listeners goes to the caller.
      if (!owner.feedOnBytes(bytes) && !this.#mustFill) return;
    }
  }

  get #mustFill(): boolean {
    return this.#fills && this.#owner.bodyReader.readableLength < NODE_READ;
  }

  #next(): Uint8Array | null | undefined {
    try {
      return this.#body.next();
    } catch {
      this.#owner.feedOnBroken();
      return undefined;
    }
  }

  #wait(): void {
    this.#waits = true;
    this.asked = true;
    void this.#body.wait().then(() => {
      this.#waits = false;
      if (!this.#owner.bodyIsOver) this.#read();
    });
  }
}

function look(feed: BodyFeed, patience: number): void {
  feed.looked(patience);
}
