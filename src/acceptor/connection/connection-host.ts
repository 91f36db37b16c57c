/**
 * What a connection needs of the acceptor, and the limits it keeps.
 *
 * Law: types only; `acceptor.ts` fulfils them, `connection.ts` uses them.
 */
import type net from 'node:net';
import type { Parser } from '../../http/parser.ts';
import type { Connection } from './connection.ts';
import type { BodyLimits } from './body-clock.ts';
import type { BodyMemory } from '../exchange/body-memory.ts';
import type { Exchange } from '../exchange/exchange.ts';
import type { ApplicationTraits } from '../application-traits.ts';
import type { Exchanges } from '../exchange/exchanges.ts';
import type { Room } from './room.ts';
import type { Upload } from '../exchange/upload.ts';
import type { UploadGate } from '../exchange/upload-gate.ts';

/** Bytes and milliseconds; a timeout of 0 is off. */
export interface ConnectionLimits extends BodyLimits {
  readonly maxBodySize: number;
  readonly bodyBuffer: number;
  readonly headersTimeout: number;
  readonly writeTimeout: number;
  readonly keepAliveTimeout: number;
  readonly pendingTimeout: number;
  /** Silence of a client that no application serves now. */
  readonly timeout: number;
  /** Number of header fields. */
  readonly maxHeaders: number;
}

/** What a connection needs of the acceptor. */
export interface ConnectionHost {
  readonly parser: Parser;
  readonly exchanges: Exchanges;
  /** Milliseconds, coarse, monotonic. */
  readonly now: number;
  readonly closing: boolean;
  readonly traits: ApplicationTraits;
  /** Requests were submitted: take a turn when this event-loop phase is over. */
  requestTurn(): void;
  /** Tells the owner of a running exchange that its credit changed or that nobody waits for it. */
  notifyOwner(exchange: Exchange): void;
  readonly uploads: UploadGate;
  readonly room: Room;
  readonly bodies: BodyMemory;
  /** The client of an exchange has ended its side: its worker ends the answer. */
  depart(exchange: Exchange): void;
  pump(exchange: Exchange): void;
  /** Bytes came for the application that has taken its connection over; they lie there until this returns. */
  tunnelOnBytes(exchange: Exchange, tunnel: Upload, bytes: Uint8Array): void;
  /** Its end did. */
  tunnelOnEnd(exchange: Exchange): void;
  /** A complete answer of the acceptor's own; `isHead`: without its body. */
  refusal(status: number, detail: string, close: boolean, isHead: boolean): Uint8Array;
  /** A connection without a request was idle for too long. True: its application has heard of that, and decides. */
  onTimeout(socket: net.Socket): boolean;
  /** From now on its `tick` is called. */
  watch(connection: Connection): void;
  connectionOnClose(connection: Connection): void;
}
