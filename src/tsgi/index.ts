/**
 * The door of `tsgi-threads/tsgi`: TSGI itself, without this server.
 */
export { callApplication, type Sink } from './handler.ts';
export { type Rule, RULES, TsgiRuleError } from './rules.ts';
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
