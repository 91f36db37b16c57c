/**
 * The arguments of a fetch handler: the web's `Request`, and bindings to Node's messages.
 *
 * Law: makes nothing before it is read. srvx has the web's class, and decides which part is read when. Knows an exchange only
 * through `FetchSource`.
 */
import { IncomingMessage, type ServerResponse } from 'node:http';
import { FastURL, NodeRequest } from 'srvx/node';
import { splitTarget } from '../../tsgi/environ.ts';
import { familyOf } from '../node/peer-socket.ts';
import type { RequestHead } from '../node/request-head.ts';

export interface FetchBindings {
  readonly incoming: IncomingMessage;
  readonly outgoing: ServerResponse;
}

/** The exchange. Node's messages are made when they are read. */
export interface FetchSource extends FetchBindings {
  readonly hasMessages: boolean;
  readonly head: RequestHead;
  /** True if no client waits for an answer that was not sent. Synchronous code, whose loop does not turn, can read it. */
  readonly isAborted: boolean;
}

export class FetchRequest extends NodeRequest {
  readonly #source: FetchSource;
  readonly #message: Message;
  #controller: AbortController | null = null;
  #address: URL | null = null;

  constructor(source: FetchSource) {
    const context = contextOf(source);
    super(context);
    this.#source = source;
    this.#message = context.req;
    if (!source.hasMessages) Object.assign(this.runtime!, { node: messagesOf(source, RUNTIME) });
  }

  /** Replaces srvx's controller, which aborts with Node's error: handlers look for the web's error. Up to date at each read. */
  get _abortController(): AbortController {
    this.#controller ??= new AbortController();
    if (this.#source.isAborted) this.#controller.abort();
    return this.#controller;
  }

  /** Replaces srvx's URL. srvx accepts fewer hosts than the acceptor, and would replace the others. */
  override get _url(): URL {
    return (this.#address ??= addressOf(this.#message));
  }

  override set _url(address: URL) {
    this.#address = address;
  }

  /** No client waits for the answer. */
  abort(): void {
    this.#controller?.abort();
  }
}

type Context = ConstructorParameters<typeof NodeRequest>[0];
type Message = Context['req'];

/**
 * The URL of the request. A URL parser accepts the host as the client sent it. If the host is missing or empty, the local
 * address takes its place.
 */
function addressOf(message: Message): URL {
  const { url = '/' } = message;
  const { authority, path } = splitTarget(url);
  const question = url.indexOf('?');
  return new FastURL({
    protocol: 'http:',
    host: authority === '' ? hostOf(message) : authority,
    pathname: url === '*' ? '/*' : path,
    search: question === -1 ? '' : url.slice(question),
  });
}

function hostOf(message: Message): string {
  const fields = message.rawHeaders;
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i]!;
    if (name.length === 4 && name.toLowerCase() === 'host' && fields[i + 1] !== '') return fields[i + 1]!;
  }
  const { localAddress = '', localPort = 80 } = message.socket;
  return familyOf(localAddress) === 'IPv6'
    ? `[${localAddress}]:${localPort}`
    : `${localAddress}:${localPort}`;
}

function contextOf(source: FetchSource): Context {
  if (source.hasMessages) return { req: source.incoming, res: source.outgoing };
  return { req: new MessageView(source) as unknown as Context['req'] };
}

/** The part of an `IncomingMessage` without a body that srvx reads. */
class MessageView {
  readonly url: string;
  readonly method: string;
  readonly rawHeaders: string[];
  readonly #head: RequestHead;
  #headers: IncomingMessage['headers'] | null = null;

  constructor({ head }: FetchSource) {
    this.url = head.url;
    this.method = head.method;
    this.rawHeaders = head.rawHeaders;
    this.#head = head;
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

type Names = Readonly<Record<string, keyof FetchBindings>>;
/** Names of Node's messages in a handler's second argument. */
const BINDINGS = { incoming: 'incoming', outgoing: 'outgoing' } as const;
/** Names of Node's messages in `request.runtime.node`. */
const RUNTIME = { req: 'incoming', res: 'outgoing' } as const;

/** Node's messages as own properties, so that a copy has them, too. They are made when they are read. */
class Messages {
  readonly #source: FetchSource;
  readonly #names: Names;

  static readonly handler: ProxyHandler<Messages> = {
    get(target, key) {
      if (!Object.hasOwn(target, key)) return Reflect.get(target, key) as unknown;
      return target.#source[target.#names[key as string]!];
    },
  };

  constructor(source: FetchSource, names: Names) {
    this.#source = source;
    this.#names = names;
    Object.assign(this, names);
  }
}

function messagesOf(source: FetchSource, names: Names): unknown {
  return new Proxy(new Messages(source, names), Messages.handler);
}

export function bindingsOf(source: FetchSource): FetchBindings {
  return messagesOf(source, BINDINGS) as FetchBindings;
}
