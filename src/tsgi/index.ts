/**
 * The door of `tsgi-threads/tsgi`: TSGI itself, without this server.
 *
 * Law: re-exports only.
 */
/// <reference types="node" preserve="true" />
export { createEnviron, decodePath, environKey } from './environ.ts';
export { type CgiOptions, runCgi } from './cgi.ts';
export { ClientGoneError, DeadlineError, NoBlockingError, TsgiRuleError } from './rule-errors.ts';
export { type FetchHandler, type FetchHandlerOptions, toFetchHandler } from './fetch.ts';
export { fileWrapper } from './file-body.ts';
export { callApplication, type Sink } from './handler.ts';
export { type HeaderParameters, HeaderView, withParameters } from './headers.ts';
export { mount } from './mount.ts';
export { type NodeListener, type NodeListenerOptions, toNodeListener } from './node.ts';
export { type Rule, RULES } from './rules.ts';
export { type SimpleServer, simpleServer, type SimpleServerOptions } from './simple-server.ts';
export {
  applicationUrl,
  isHopByHop,
  requestUrl,
  setupTestingDefaults,
  shiftPathInfo,
  type TestRequest,
  testRequest,
  type TestResponse,
  type UrlOptions,
} from './util.ts';
export { validator } from './validate.ts';
export type {
  Application,
  Body,
  BodyChunk,
  Environ,
  ErrorStream,
  FileWrapper,
  HeaderList,
  InputStream,
  Middleware,
  StartResponse,
  Write,
} from './types.ts';
