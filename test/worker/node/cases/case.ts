/**
 * A case of the comparison: a listener, and the bytes that a client sends to it.
 *
 * Law: runs in the test's process on node:http, and in a worker of this server. It imports nothing from the test
 * runner.
 */
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Client } from '../../../support/client.ts';

/** One request. Default: a plain GET. */
export interface Sent {
  readonly method?: string;
  readonly target?: string;
  readonly version?: '1.0' | '1.1';
  /** Lines of the head, without Host and x-case. */
  readonly fields?: readonly string[];
  readonly host?: readonly string[];
  readonly body?: string;
}

/** Keeps the listener's observations for the comparison. */
export type Note = (text: string, value?: unknown) => void;

export type Listener = (request: IncomingMessage, response: ServerResponse, note: Note) => unknown;

export interface Case {
  /** Undefined if a separate application answers. */
  readonly listener?: Listener;
  readonly sends?: Sent | readonly Sent[];
  /** The actions of a client that does not simply send all bytes and read to the end. */
  readonly client?: (client: Client, bytes: string) => Promise<void>;
  /** The notes are complete when they contain these. Without this property no notes are compared. */
  readonly ends?: readonly string[];
  /** No request follows on the connection. */
  readonly alone?: boolean;
  /** The bytes are not compared: the number sent before the abort varies. */
  readonly torn?: boolean;
  /** This server resets the connection where Node closes it: see docs/reference/node-http.md. */
  readonly reset?: 'may';
  /** Events of request and response may occur in either order. */
  readonly order?: 'any';
  /** The boundaries of chunks vary. */
  readonly chunks?: 'any';
}

export type Cases = Readonly<Record<string, Case>>;

/** The properties of the server that a listener may read. */
export function serverOf(request: IncomingMessage): Server {
  return (request.socket as unknown as { server: Server }).server;
}

/** Notes every event of both objects, with their visible state at that time. */
export function watch(request: IncomingMessage, response: ServerResponse, note: Note): void {
  for (const name of ['end', 'aborted', 'close'])
    request.on(name, () => note(`req ${name}`, stateOf(request)));
  request.on('error', (error: NodeJS.ErrnoException) => note('req error', `${error.code} ${error.message}`));
  for (const name of ['prefinish', 'finish', 'close'])
    response.on(name, () => note(`res ${name}`, flagsOf(response)));
  response.on('error', (error: NodeJS.ErrnoException) => note('res error', `${error.code} ${error.message}`));
}

export function stateOf(request: IncomingMessage): string {
  const { complete, aborted, destroyed, readableEnded, readable, closed, readableAborted } = request;
  return named({ complete, aborted, destroyed, readableEnded, readable, closed, readableAborted });
}

export function flagsOf(response: ServerResponse): string {
  const { headersSent, writableEnded, writableFinished, destroyed, closed, writable, finished } = response;
  return named({ headersSent, writableEnded, writableFinished, destroyed, closed, writable, finished });
}

function named(flags: Record<string, boolean>): string {
  return Object.keys(flags)
    .filter((name) => flags[name])
    .join(' ');
}
