/**
 * What a connection uses of the acceptor, by purpose, and the limits that it keeps.
 *
 * Law: types only. `acceptor.ts` implements `ConnectionHost`. Each file of this room takes the narrowest interface that it
 * needs.
 */
import type net from 'node:net';
import type { Parser } from '../../http/parser.ts';
import type { ApplicationTraits } from '../application-traits.ts';
import type { BodyMemory } from '../exchange/body-memory.ts';
import type { Requests } from '../exchange/requests.ts';
import type { UploadGate } from '../exchange/upload-gate.ts';
import type { BodyLimits } from './body-clock.ts';
import type { Connection } from './connection.ts';
import type { Room } from './room.ts';

/** Sizes in bytes, times in milliseconds. 0 disables a timeout. */
export interface ConnectionLimits extends BodyLimits {
  readonly maxBodySize: number;
  readonly bodyBuffer: number;
  readonly headersTimeout: number;
  readonly writeTimeout: number;
  readonly keepAliveTimeout: number;
  readonly pendingTimeout: number;
  /** Silence of a client whose request no application has. */
  readonly timeout: number;
  /** Number of header fields. */
  readonly maxHeaders: number;
}

/** The acceptor's clock. */
export interface TickClock {
  /** Milliseconds, monotonic, up to one tick old. */
  readonly now: number;
}

/** The list of connections. */
export interface ConnectionRegistry {
  /** Calls the connection's `tick` from now on. */
  watch(connection: Connection): void;
  connectionOnClose(connection: Connection): void;
}

/** The memory of unfinished bodies, their places at the workers, and why a request is refused. */
export interface BodyHost extends TickClock {
  readonly bodies: Pick<BodyMemory, 'bytes' | 'isFull' | 'share' | 'enter' | 'leave' | 'settle'>;
  readonly uploads: Pick<UploadGate, 'buffersFirst' | 'enter' | 'ripen' | 'leave'>;
  readonly requests: Pick<Requests, 'blame'>;
}

/** What the acceptor itself answers or decides for a client. */
export interface ClientPolicy {
  /** The server closes: each connection ends behind its response. */
  readonly closing: boolean;
  readonly traits: Pick<ApplicationTraits, 'halfOpen' | 'connects' | 'calledAtHead'>;
  /** Counts the files that are sent. */
  readonly room: Pick<Room, 'openFile' | 'closeFile'>;
  /** Returns a complete response of the acceptor. `isHead`: without a body. */
  refusal(status: number, detail: string, close: boolean, isHead: boolean): Uint8Array;
  /** A connection without a request was idle for too long. True: its application was notified, and decides. */
  onTimeout(socket: net.Socket): boolean;
}

export interface ConnectionHost extends BodyHost, ClientPolicy, ConnectionRegistry {
  readonly parser: Parser;
  readonly requests: Requests;
}
