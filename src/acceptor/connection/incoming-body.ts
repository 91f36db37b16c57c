/**
 * The unfinished body of one request: collected until the request is submitted, then an upload beside it.
 *
 * Law: holds the bytes, and accounts for their time, their memory and their place at a worker. Answers the upload gate and
 * the body memory where they only look, and passes what they decide on to the connection. Knows no socket, parser or state.
 */
import { ByteQueue } from '../../ring/byte-queue.ts';
import type { HeadBytes } from '../../ring/message.ts';
import type { BodyHolder } from '../exchange/body-memory.ts';
import { Upload, UPLOAD_HIGH_WATER } from '../exchange/upload.ts';
import type { UploadWaiter } from '../exchange/upload-gate.ts';
import { BodyClock, type BodyLimits } from './body-clock.ts';
import type { BodyHost } from './connection-host.ts';

/** What the upload gate and the body memory decided. */
export interface BodyOwner {
  /** A place at a worker is free, and taken for this body. */
  bodyOnPlace(): void;
  /** The application is called at the head, so the request does not wait for its body. */
  bodyOnHandOn(): void;
  /** The request gives way to others. */
  bodyOnRefused(status: number, detail: string): void;
  /** The client has to wait until the application reads. */
  bodyOnHoldBack(): void;
}

export class IncomingBody implements BodyHolder, UploadWaiter {
  readonly #host: BodyHost;
  readonly #owner: BodyOwner;
  readonly clock: BodyClock = new BodyClock();
  /** A copy. Null once an exchange has the request. */
  head: HeadBytes | null;
  /** The bytes that came before the upload began. */
  #collected: ByteQueue | null;
  upload: Upload | null = null;
  /** `100 Continue` is due when the application first reads. */
  continueDue: boolean;
  /** The request is over: bytes that still come are dropped. */
  released = false;
  /** The body memory counts this body. */
  #holds = true;

  /** `startedAt`: when the first byte of the request came, ms. */
  constructor(host: BodyHost, owner: BodyOwner, head: HeadBytes, continueDue: boolean, startedAt: number) {
    this.#host = host;
    this.#owner = owner;
    this.head = head;
    this.continueDue = continueDue;
    this.clock.start(host.now, startedAt);
    this.#collected = new ByteQueue(host.bodies);
    host.bodies.enter(this);
  }

  /** The request waits for its whole body. */
  get collects(): boolean {
    return this.#collected !== null;
  }

  /** Adds a copy of `bytes`. Then this body, or another, may have to give way. */
  add(bytes: Uint8Array): void {
    if (this.upload !== null) this.upload.add(bytes);
    else this.#collected!.add(bytes);
    this.settle();
  }

  /** Makes room if the bodies together have too little memory. */
  settle(): void {
    this.#host.bodies.settle(this, this.#host.now);
  }

  /** The request goes out before its body is complete: from now on the bytes are an upload. */
  open(): void {
    this.upload = new Upload(this.#collected!);
    this.#collected = null;
  }

  /** Queues for a place at a worker. The gate may call back at once. */
  awaitPlace(): void {
    this.#host.uploads.enter(this.upload!, this, this.#host.now);
  }

  /** Reports to the gate that the buffer is full. */
  ripen(): void {
    this.#host.uploads.ripen(this.upload!, this.#host.now);
  }

  /** The application reads. Returns whether the client waits for `100 Continue`, which is due no more then. */
  read(): boolean {
    if (this.upload === null) return false;
    this.upload.wanted = true;
    if (!this.continueDue) return false;
    this.continueDue = false;
    this.clock.restart(this.#host.now);
    return true;
  }

  /** Takes the collected body out. */
  takeCollected(): ByteQueue {
    const collected = this.#collected!;
    this.head = this.#collected = null;
    return collected;
  }

  /** The upload has all its bytes, and needs no place. */
  complete(): void {
    this.upload!.end();
    this.leavePlace();
  }

  leavePlace(): void {
    if (this.upload !== null) this.#host.uploads.leave(this.upload);
  }

  leaveMemory(): void {
    if (!this.#holds) return;
    this.#holds = false;
    this.#host.bodies.leave(this);
  }

  /** Drops the bytes, the place and the memory. The clock goes on. */
  release(): void {
    this.released = true;
    if (this.upload !== null) {
      // The application may read a complete body although its client is gone.
      if (!this.upload.ended) this.upload.close();
      this.#host.uploads.leave(this.upload);
      this.upload = null;
    }
    this.head = null;
    this.#collected?.clear();
    this.#collected = null;
    this.continueDue = false;
    this.leaveMemory();
  }

  /** So many bytes wait that the client has to wait as well. Without a place the body may fill its whole share. */
  get isFull(): boolean {
    return this.upload!.waiting >= (this.head === null ? UPLOAD_HIGH_WATER : this.#host.bodies.share);
  }

  /** The limit that the client does not keep. '' if it keeps all of them, or waits for `100 Continue`. */
  late(now: number, limits: BodyLimits): keyof BodyLimits | '' {
    return this.continueDue ? '' : this.clock.late(now, limits);
  }

  // called by the upload gate

  get isRipe(): boolean {
    return this.continueDue || this.upload!.waiting >= this.#host.bodies.share;
  }

  uploadOnPlace(): void {
    if (this.head !== null) this.#owner.bodyOnPlace();
  }

  uploadOnDisplaced(): void {
    this.#owner.bodyOnRefused(408, 'the body came too slowly while others waited');
  }

  // called by the body memory

  get givesWay(): boolean {
    return this.head !== null;
  }

  bodyAge(now: number): number {
    return this.clock.age(now);
  }

  bodyRate(now: number): number {
    return this.clock.rate(now);
  }

  bodyGoesOn(): void {
    this.#owner.bodyOnHandOn();
  }

  bodyGivesWay(): void {
    const status = this.#host.requests.blame.on('maxBuffered', this.head ?? '');
    this.#owner.bodyOnRefused(status, 'no memory for unfinished bodies');
  }

  bodyHoldsBack(): void {
    const { upload } = this;
    if (upload === null || this.givesWay) return;
    if (upload.waiting > 0 || !upload.wanted) this.#owner.bodyOnHoldBack();
  }
}
