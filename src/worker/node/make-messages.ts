/**
 * Makes the request and the response of an exchange as Node's server would make them.
 *
 * Law: reads the options that a server was made with. Node keeps a part of them under symbols. `exchange.ts` uses the messages.
 */
import http, { IncomingMessage, type Server, ServerResponse } from 'node:http';
import { Flag } from '../../http/head-flags.ts';
import { prepareResponse } from './response.ts';
import type { PeerSocket } from './peer-socket.ts';
import type { RequestHead } from './request-head.ts';
import type { ExchangeSocket } from './socket.ts';

/** Undocumented properties of Node requests; the same since Node 12. */
interface RequestInternals {
  joinDuplicateHeaders: boolean;
  /** True if the client requests another protocol, and the server has a listener for that. */
  upgrade: boolean;
  _addHeaderLines(fields: string[], length: number): void;
}

/** Options of `http.createServer` that Node keeps on the server. */
interface Given {
  readonly joinDuplicateHeaders?: boolean;
  readonly rejectNonStandardBodyWrites?: boolean;
  readonly highWaterMark?: number;
}

type RequestClass = new (socket: ConstructorParameters<typeof IncomingMessage>[0]) => IncomingMessage;
type ResponseClass = new (request: IncomingMessage, options: object) => ServerResponse;

const SYMBOLS = Object.getOwnPropertySymbols(http.createServer({ uniqueHeaders: ['x'] }));
const REQUEST_CLASS = symbolOf('IncomingMessage');
const RESPONSE_CLASS = symbolOf('ServerResponse');
const UNIQUE_HEADERS = symbolOf('kUniqueHeaders');

export class MessageMaker {
  readonly #Request: RequestClass;
  readonly #Response: ResponseClass;
  readonly #responseOptions: object;
  readonly #joinsDuplicates: boolean;
  readonly #uniqueHeaders: unknown;

  constructor(server: Server) {
    const { joinDuplicateHeaders, rejectNonStandardBodyWrites, highWaterMark } = server as Given;
    const kept = server as unknown as Record<symbol, unknown>;
    this.#Request = (kept[REQUEST_CLASS] ?? IncomingMessage) as RequestClass;
    this.#Response = (kept[RESPONSE_CLASS] ?? ServerResponse) as ResponseClass;
    this.#responseOptions = {
      rejectNonStandardBodyWrites: rejectNonStandardBodyWrites === true,
      highWaterMark,
    };
    this.#joinsDuplicates = joinDuplicateHeaders === true;
    this.#uniqueHeaders = kept[UNIQUE_HEADERS];
  }

  request(head: RequestHead, socket: ExchangeSocket | PeerSocket): IncomingMessage {
    const { flags, rawHeaders } = head;
    const request = new this.#Request(socket as unknown as ConstructorParameters<RequestClass>[0]);
    const inner = request as unknown as RequestInternals;
    const minor = (flags & Flag.HTTP_1_1) === 0 ? 0 : 1;
    request.httpVersionMajor = 1;
    request.httpVersionMinor = minor;
    request.httpVersion = minor === 0 ? '1.0' : '1.1';
    request.method = head.method;
    request.url = head.url;
    inner.upgrade = false;
    inner.joinDuplicateHeaders = this.#joinsDuplicates;
    inner._addHeaderLines(rawHeaders, rawHeaders.length);
    return request;
  }

  response(request: IncomingMessage, flags: number): ServerResponse {
    const response = new this.#Response(request, this.#responseOptions);
    response.shouldKeepAlive = (flags & Flag.KEEP_ALIVE) !== 0;
    if (this.#uniqueHeaders !== null)
      (response as unknown as Record<symbol, unknown>)[UNIQUE_HEADERS] = this.#uniqueHeaders;
    prepareResponse(response, (flags & Flag.HTTP_1_1) !== 0);
    return response;
  }
}

function symbolOf(name: string): symbol {
  return SYMBOLS.find(({ description }) => description === name) ?? Symbol(name);
}
