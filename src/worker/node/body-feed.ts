/**
 * The body of a request that did not come whole with its head, on its way into Node's request.
 *
 * Law: when bytes are taken and how many; what they are given to, and what the body's end means, is its owner's.
 */
import type { IncomingMessage } from 'node:http';
import type { InboundBody } from '../exchange/inbound.ts';
import { isRead } from './request.ts';

/** Its exchange. */
export interface FeedOwner {
  /** No more of the body is read. */
  readonly bodyIsOver: boolean;
  /** Who is given the bytes. */
  readonly bodyReader: IncomingMessage;
  /** False: the request has enough. */
  feedOnBytes(bytes: Uint8Array): boolean;
  feedOnEnd(): void;
  /** The client has gone in the middle of the body, or has broken it off. */
  feedOnBroken(): void;
  /** The client has left, and the body is not read. */
  feedOnUnread(): void;
}

/** What one read of Node's socket takes. */
const NODE_READ = 64 * 1024;

export class BodyFeed {
  readonly #body: InboundBody;
  readonly #owner: FeedOwner;
  #waits = false;
  #fills = false;
  /** The acceptor was told to let the body come. */
  asked = false;

  constructor(body: InboundBody, owner: FeedOwner) {
    this.#body = body;
    this.#owner = owner;
  }

  /** The request has room. */
  resume(): void {
    if (!this.#waits && !this.#owner.bodyIsOver) this.#read();
  }

  /**
   * The client has left behind a body that came whole: the request takes of it what Node's socket would have read by now.
   *
   * @param patience milliseconds after which an unread body is given up; 0: never. The first call decides.
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

  /** Gives the request what has come until it has enough; waits for more when there is nothing. */
  #read(): void {
    const owner = this.#owner;
    while (!owner.bodyIsOver) {
      const bytes = this.#next();
      if (owner.bodyIsOver) return;
      if (bytes === undefined) return this.#wait();
      if (bytes === null) return owner.feedOnEnd();
      // What its listeners throw is theirs, as in Node.
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
