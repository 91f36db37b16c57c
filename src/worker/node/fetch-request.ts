/**
 * What a fetch handler is given: the web's `Request`, and Node's messages behind bindings.
 *
 * Law: nothing here is made before it is asked for; srvx carries the web's class and says what of it is read when. Knows
 * an exchange by what it can be asked.
 */
import { IncomingMessage, type ServerResponse } from 'node:http';
import { NodeRequest } from 'srvx/node';
import { familyOf } from './peer-socket.ts';
import type { RequestHead } from './request-head.ts';

export interface FetchBindings {
  readonly incoming: IncomingMessage;
  readonly outgoing: ServerResponse;
}

/** The exchange: Node's messages are made when they are read. */
export interface FetchSource extends FetchBindings {
  readonly hasMessages: boolean;
  readonly head: RequestHead;
  /** The whole body, when it has come with the head. */
  readonly complete: Uint8Array | null;
  /** Nobody waits for the answer any more; synchronous code can ask, whose loop does not turn. */
  readonly isAbandoned: boolean;
}

const NO_BODY = Buffer.alloc(0);

export class FetchRequest extends NodeRequest {
  readonly #source: FetchSource;
  #controller: AbortController | null = null;

  constructor(source: FetchSource) {
    super(contextOf(source));
    this.#source = source;
    if (!source.hasMessages) Object.assign(this.runtime!, { node: new NodeMessages(source) });
  }

  /** srvx would abort with Node's error: the web's own is what handlers look for. Brought up to date whenever it is read. */
  get _abortController(): AbortController {
    this.#controller ??= new AbortController();
    if (this.#source.isAbandoned) this.#controller.abort();
    return this.#controller;
  }

  /** Nobody waits for its answer. */
  abort(): void {
    this.#controller?.abort();
  }
}

type Context = ConstructorParameters<typeof NodeRequest>[0];

function contextOf(source: FetchSource): Context {
  if (source.hasMessages) return { req: source.incoming, res: source.outgoing };
  return { req: new MessageView(source) as unknown as Context['req'] };
}

/** As much of an `IncomingMessage` as srvx reads. */
class MessageView {
  readonly url: string;
  readonly method: string;
  readonly rawHeaders: string[];
  readonly rawBody: Buffer;
  readonly #head: RequestHead;
  #headers: IncomingMessage['headers'] | null = null;

  constructor({ head, complete }: FetchSource) {
    this.url = head.url;
    this.method = head.method;
    this.rawHeaders = head.rawHeaders;
    this.#head = head;
    this.rawBody =
      complete === null ? NO_BODY : Buffer.from(complete.buffer, complete.byteOffset, complete.byteLength);
  }

  /** Joined as Node joins them. */
  get headers(): IncomingMessage['headers'] {
    return (this.#headers ??= joined(this.rawHeaders));
  }

  get socket() {
    const { remoteAddress, localAddress, localPort } = this.#head;
    return { remoteAddress, localAddress, localPort, localFamily: familyOf(localAddress) };
  }
}

const { _addHeaderLine: addHeaderLine } = IncomingMessage.prototype as unknown as {
  _addHeaderLine(name: string, value: string, to: IncomingMessage['headers']): void;
};
const joins = { joinDuplicateHeaders: false };

function joined(fields: readonly string[]): IncomingMessage['headers'] {
  const headers: IncomingMessage['headers'] = {};
  for (let i = 0; i < fields.length; i += 2) addHeaderLine.call(joins, fields[i]!, fields[i + 1]!, headers);
  return headers;
}

/** `request.runtime.node`. */
class NodeMessages {
  readonly #source: FetchSource;

  constructor(source: FetchSource) {
    this.#source = source;
  }

  get req(): IncomingMessage {
    return this.#source.incoming;
  }

  get res(): ServerResponse {
    return this.#source.outgoing;
  }
}

/** The second argument of a handler. Its properties are its own, so that a copy has them, too. */
class Bindings implements FetchBindings {
  declare readonly incoming: IncomingMessage;
  declare readonly outgoing: ServerResponse;
  readonly #source: FetchSource;

  static readonly handler: ProxyHandler<Bindings> = {
    get: (target, key) => {
      if (key === 'incoming') return target.#source.incoming;
      if (key === 'outgoing') return target.#source.outgoing;
      return Reflect.get(target, key) as unknown;
    },
  };

  constructor(source: FetchSource) {
    this.#source = source;
    Object.assign(this, UNMADE);
  }
}

const UNMADE = { incoming: undefined, outgoing: undefined };

export function bindingsOf(source: FetchSource): FetchBindings {
  return new Proxy(new Bindings(source), Bindings.handler);
}
