/**
 * A request's head, copied out of the slab. Node's messages are made from it, now or when they are first used.
 *
 * Law: text and numbers as the client sent them; decides nothing.
 */
import type { Peers, RequestReader } from '../../ring/message.ts';
import type { AnsweredRequest } from '../exchange/answers.ts';

export class RequestHead implements AnsweredRequest, Peers {
  readonly method: string;
  /** The request target as the client sent it. */
  readonly url: string;
  /** The parser's flags (`http/head-flags.ts`). */
  readonly flags: number;
  /** The serial of the exchange, from which its id is made. */
  readonly serial: number;
  /** The acceptor's number of the connection. */
  readonly connection: number;
  /** Number of requests on the connection, including this one. */
  readonly requests: number;
  /** Alternating names and values, as the client sent them. */
  readonly rawHeaders: string[];
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localAddress: string;
  readonly localPort: number;

  constructor(reader: RequestReader) {
    const { head, targetOffset } = reader;
    this.method = head.slice(0, reader.methodLength);
    this.url = head.slice(targetOffset, targetOffset + reader.targetLength);
    this.flags = reader.flags;
    this.serial = reader.serial;
    this.connection = reader.connection;
    this.requests = reader.requests;
    this.rawHeaders = fieldsOf(reader);
    this.remoteAddress = reader.remoteAddress;
    this.remotePort = reader.remotePort;
    this.localAddress = reader.localAddress;
    this.localPort = reader.localPort;
  }

  field(name: string): string | undefined {
    const { rawHeaders } = this;
    for (let i = 0; i < rawHeaders.length; i += 2)
      if (rawHeaders[i]!.length === name.length && rawHeaders[i]!.toLowerCase() === name)
        return rawHeaders[i + 1];
    return undefined;
  }
}

function fieldsOf({ head, spans, spansStart, headerCount }: RequestReader): string[] {
  const fields: string[] = [];
  for (let i = 0, at = spansStart; i < headerCount; i++, at += 4) {
    const name = spans[at]!;
    const value = spans[at + 2]!;
    fields.push(head.slice(name, name + spans[at + 1]!), head.slice(value, value + spans[at + 3]!));
  }
  return fields;
}
