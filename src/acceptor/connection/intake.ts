/**
 * The parser side of one connection: bytes → events.
 *
 * Law: knows bytes, heads and bodies. Reads the parser's memory and keeps what one message needs between two reads. It
 * reports, and its connection decides: the intake writes to no socket, sets no deadline and changes no state.
 *
 * Usage: `receive` once for each read, then `next` until it returns MORE, or an event that ends the message (WHOLE, END,
 * TOO_LONG, ERROR). After TOO_LONG or ERROR the connection parses no more of that message. The getters describe the event
 * that `next` returned last. The bytes behind them are valid until the next call, because all connections share one parser.
 */
import { Flag } from '../../http/head-flags.ts';
import { Outcome, type Parser, type SavedMessage } from '../../http/parser.ts';
import type { HeadBytes } from '../../ring/message.ts';
import type { ConnectionLimits } from './connection-host.ts';
import { liveHead } from './head.ts';

/** What `next` returns. */
export const IntakeEvent = {
  /** Everything that was received is parsed, and the message is incomplete. */
  MORE: 0,
  /** A whole message: `head`, and `body` if it is not empty. */
  WHOLE: 1,
  /** `head` is complete, and its body is not. */
  HEAD: 2,
  /** `body` holds more bytes of the body. */
  DATA: 3,
  /** The body is complete. */
  END: 4,
  /** The body is longer than `maxBodySize`, or its `Content-Length` is. */
  TOO_LONG: 5,
  /** The bytes are no acceptable HTTP: `status` and `detail` say why. */
  ERROR: 6,
} as const;

/** What `next` looks at. */
const Step = { FEED: 0, BODY: 1, OUTCOME: 2 } as const;

const GOES_ON = Flag.HTTP_1_1 | Flag.KEEP_ALIVE;
/** The largest number that the word for the missing bytes holds. */
const MOST_LEFT = 0x7fffffff;

export class Intake {
  readonly #parser: Parser;
  readonly #limits: Pick<ConnectionLimits, 'maxBodySize' | 'maxHeaders'>;
  #saved: SavedMessage | null = null;
  #step: number = Step.FEED;
  #outcome: number = Outcome.MORE;
  /** Where the bytes begin that are not parsed yet. */
  offset = 0;
  /** Number of these bytes. After WHOLE and END they belong to the next message. */
  left = 0;
  /** Flags of the present head; 0 while it is incomplete. */
  flags = 0;
  /** The value of Content-Length, or −1 without that field. */
  contentLength = -1;
  /** Body bytes of the present message that came, framing excluded. */
  received = 0;
  /** Body bytes of WHOLE and DATA; null: none. */
  body: Uint8Array | null = null;

  constructor(parser: Parser, limits: Pick<ConnectionLimits, 'maxBodySize' | 'maxHeaders'>) {
    this.#parser = parser;
    this.#limits = limits;
  }

  /** Takes the first `length` bytes of the read buffer. */
  receive(length: number): void {
    if (this.#saved !== null) this.#parser.restore(this.#saved);
    else {
      this.#parser.start(this.#limits.maxHeaders);
      this.flags = 0;
    }
    this.offset = 0;
    this.left = length;
    this.#step = Step.FEED;
  }

  /** Parses on, up to the next event. */
  next(): number {
    const parser = this.#parser;
    for (;;) {
      if (this.#step === Step.FEED) {
        this.#outcome = parser.feed(this.offset, this.left);
        if (this.#outcome === Outcome.ERROR) return IntakeEvent.ERROR;
        this.#step = Step.BODY;
        if (parser.headFresh) return this.#headOnComplete();
      }
      if (this.#step === Step.BODY) {
        this.#step = Step.OUTCOME;
        if (parser.bodySpanCount > 0) return this.#takeBody();
      }
      this.#step = Step.FEED;
      this.#skipParsed();
      if (this.#outcome === Outcome.MESSAGE) return IntakeEvent.END;
      if (this.#outcome === Outcome.MORE) return this.#save();
    }
  }

  /** The next bytes begin a message. */
  get isFresh(): boolean {
    return this.#saved === null;
  }

  /** The head that the last event completed. */
  get head(): HeadBytes {
    return liveHead(this.#parser);
  }

  /** After ERROR: the status of the refusal. */
  get status(): number {
    return this.#parser.error;
  }

  /** After ERROR: the reason, for a person. */
  get detail(): string {
    return this.#parser.reason;
  }

  get isHead(): boolean {
    return (this.flags & Flag.HEAD) !== 0;
  }

  get isUpgrade(): boolean {
    return (this.flags & Flag.UPGRADE) !== 0;
  }

  get isConnect(): boolean {
    return (this.flags & Flag.CONNECT) !== 0;
  }

  /** The client waits for `100 Continue` before it sends the body. */
  get expectsContinue(): boolean {
    return (this.flags & Flag.EXPECT_CONTINUE) !== 0;
  }

  /** The client speaks HTTP/1.1 and keeps its connection. */
  get goesOn(): boolean {
    return (this.flags & GOES_ON) === GOES_ON;
  }

  /** Bytes of the body that are missing, as `ExchangeTable.setLeft` takes them while the body is incomplete. */
  get missing(): number {
    if (this.contentLength < 0) return Math.max(-1 - this.received, -MOST_LEFT);
    return Math.min(this.contentLength - this.received, MOST_LEFT);
  }

  /** The connection parses no more. */
  close(): void {
    this.#saved = null;
  }

  #headOnComplete(): number {
    const parser = this.#parser;
    this.flags = parser.flags;
    this.received = 0;
    this.contentLength = parser.contentLength;
    if (this.contentLength > this.#limits.maxBodySize) return IntakeEvent.TOO_LONG;
    return this.#outcome === Outcome.MESSAGE ? this.#takeWhole() : IntakeEvent.HEAD;
  }

  /** The common case: the whole message lies in the parser's memory, and only the slab gets a copy. */
  #takeWhole(): number {
    const parser = this.#parser;
    this.body = parser.bodySpanCount === 0 ? null : parser.body();
    if (this.body !== null && this.body.length > this.#limits.maxBodySize) return IntakeEvent.TOO_LONG;
    this.#skipParsed();
    return IntakeEvent.WHOLE;
  }

  #takeBody(): number {
    this.body = this.#parser.body();
    this.received += this.body.length;
    return this.received > this.#limits.maxBodySize ? IntakeEvent.TOO_LONG : IntakeEvent.DATA;
  }

  #skipParsed(): void {
    const { consumed } = this.#parser;
    this.offset += consumed;
    this.left -= consumed;
    if (this.#outcome === Outcome.MESSAGE) this.#saved = null;
  }

  #save(): number {
    this.#saved = this.#parser.save(this.#saved);
    return IntakeEvent.MORE;
  }
}
