/**
 * What a case of the comparison is: a listener, and what a client sends to it.
 *
 * Law: runs in the test's process on node:http and in a worker of ours; imports nothing of the test runner.
 */
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Client } from '../../../support/client.ts';

/** One request; what is not given is a plain GET. */
export interface Sent {
  readonly method?: string;
  readonly target?: string;
  readonly version?: '1.0' | '1.1';
  /** Lines of the head, without Host and x-case. */
  readonly fields?: readonly string[];
  readonly host?: readonly string[];
  readonly body?: string;
}

/** Keeps what the listener saw, for the comparison. */
export type Note = (text: string, value?: unknown) => void;

export type Listener = (request: IncomingMessage, response: ServerResponse, note: Note) => unknown;

export interface Case {
  /** Undefined where an application of its own answers. */
  readonly listener?: Listener;
  readonly sends?: Sent | readonly Sent[];
  /** What a client does in place of sending all at once and reading to the end. */
  readonly client?: (client: Client, bytes: string) => Promise<void>;
  /** The notes are complete when these are among them; without it none are compared. */
  readonly ends?: readonly string[];
  /** Nothing is asked behind it on its connection. */
  readonly alone?: boolean;
  /** What the wire says is not compared: how much was sent before it broke is chance. */
  readonly torn?: boolean;
  /** Ours resets the connection where Node closes it: see docs/reference/node-http.md. */
  readonly reset?: 'may';
  /** Events of request and response may come in either order. */
  readonly order?: 'any';
  /** Where one chunk ends and the next begins is chance. */
  readonly chunks?: 'any';
}

export type Cases = Readonly<Record<string, Case>>;

/** What a listener may look at of its server. */
export function serverOf(request: IncomingMessage): Server {
  return (request.socket as unknown as { server: Server }).server;
}

/** Notes every event of both, with what can be seen at that time. */
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
