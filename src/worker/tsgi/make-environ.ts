/**
 * Makes the environ of a request, with the names of TSGI 1.0.
 *
 * Law: reads a head that was parsed and accepted already; decides nothing. A name or value of the client never becomes a
 * property without the prefix `HTTP_`, so `__proto__` and similar names are data here.
 */
import type { WorkerHandle } from '../../hooks.ts';
import { Flag } from '../../http/head-flags.ts';
import { requestId } from '../../ring/message.ts';
import {
  addField,
  decodePath,
  defineSignal,
  SIGNAL_SOURCE,
  type SignalSource,
  splitTarget,
  TSGI_VERSION,
} from '../../tsgi/environ.ts';
import { fileWrapper } from '../../tsgi/file-body.ts';
import type { Environ, ErrorStream, InputStream } from '../../tsgi/types.ts';

/** A parsed request; `ring/message.ts` fills it. */
export interface RequestView {
  readonly flags: number;
  /** The whole head, Latin-1. */
  readonly head: string;
  /** 4 words a field from `spansStart`: name offset, name length, value offset, value length. */
  readonly spans: Int32Array;
  readonly spansStart: number;
  readonly headerCount: number;
  readonly methodLength: number;
  readonly targetOffset: number;
  readonly targetLength: number;
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localAddress: string;
  readonly localPort: number;
  readonly serial: number;
}

/** The values that are the same for every request of a worker. */
export interface EnvironContext {
  /** SERVER_SOFTWARE. */
  readonly software: string;
  readonly multithread: boolean;
  readonly multiprocess: boolean;
  readonly concurrent: boolean;
  readonly blockingInput: boolean;
  readonly requestIdPrefix: string;
}

export interface EnvironParts {
  readonly input: InputStream;
  readonly errors: ErrorStream;
  /** Makes `tsgi.signal` when it is read. */
  readonly exchange: SignalSource;
  /** ms since the epoch. */
  readonly deadline: number | undefined;
  readonly worker: WorkerHandle;
}

export function buildEnviron(request: RequestView, context: EnvironContext, parts: EnvironParts): Environ {
  const { head, targetOffset } = request;
  const target = head.slice(targetOffset, targetOffset + request.targetLength);
  const { authority, path, query } = splitTarget(target);
  const environ = base(request, context, parts);
  environ.REQUEST_METHOD = head.slice(0, request.methodLength);
  environ.REQUEST_URI = target;
  environ.PATH_INFO = decodePath(path);
  environ.QUERY_STRING = query;
  addFields(environ, request);
  if (authority !== '') environ.HTTP_HOST = authority;
  return environ as unknown as Environ;
}

/** Sets every key in one order, so that all environs share a hidden class up to their fields. */
function base(request: RequestView, context: EnvironContext, parts: EnvironParts): Record<string, unknown> {
  const environ = {
    REQUEST_METHOD: '',
    SCRIPT_NAME: '',
    PATH_INFO: '',
    QUERY_STRING: '',
    CONTENT_TYPE: '',
    CONTENT_LENGTH: '',
    SERVER_NAME: request.localAddress,
    SERVER_PORT: String(request.localPort),
    SERVER_PROTOCOL: (request.flags & Flag.HTTP_1_1) !== 0 ? 'HTTP/1.1' : 'HTTP/1.0',
    SERVER_SOFTWARE: context.software,
    REMOTE_ADDR: request.remoteAddress,
    REMOTE_PORT: String(request.remotePort),
    REQUEST_URI: '',
    'tsgi.version': TSGI_VERSION,
    'tsgi.url_scheme': 'http',
    'tsgi.input': parts.input,
    'tsgi.errors': parts.errors,
    'tsgi.multithread': context.multithread,
    'tsgi.multiprocess': context.multiprocess,
    'tsgi.run_once': false,
    'tsgi.concurrent': context.concurrent,
    'tsgi.blocking_input': context.blockingInput,
    'tsgi.deadline': parts.deadline,
    'tsgi.request_id': requestId(context.requestIdPrefix, request.serial),
    'tsgi.file_wrapper': fileWrapper,
    'tsgi_threads.worker': parts.worker,
    [SIGNAL_SOURCE]: parts.exchange,
  };
  defineSignal(environ);
  return environ;
}

function addFields(environ: Record<string, unknown>, request: RequestView): void {
  const { head, spans } = request;
  let at = request.spansStart;
  for (let i = 0; i < request.headerCount; i++, at += 4) {
    const nameStart = spans[at]!;
    const valueStart = spans[at + 2]!;
    const name = head.slice(nameStart, nameStart + spans[at + 1]!);
    addField(environ, name, head.slice(valueStart, valueStart + spans[at + 3]!));
  }
}
