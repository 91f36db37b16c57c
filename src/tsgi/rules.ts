/**
 * The rules of TSGI by number, and the error that names one.
 *
 * Law: imports nothing. `docs/tsgi.md` says each rule in full under the same number; a number is never used again for
 * another rule. A rule added here needs its words there, and its check in `validate.ts` or `conformance/`.
 */
export const RULES = {
  // the application
  A1: 'an application is a function of environ and startResponse',
  A2: 'startResponse is called before the first chunk',
  A3: 'a status is an integer from 200 to 599',
  A4: 'headers are an array of [name, value] pairs',
  A5: 'a header name is a token',
  A6: 'a header value is Latin-1 without control characters',
  A7: 'an application leaves the connection to the server',
  A8: 'startResponse is called once, except with an error',
  A9: 'what startResponse rethrows is not trapped',
  A10: 'startResponse is called before the application settles, or inside the first step of its body',
  A11: 'a body is a chunk or an iterable of chunks',
  A12: 'a chunk is a string or a Uint8Array',
  A13: 'a body has as many bytes as its Content-Length says',
  A14: 'write is called before the body is iterated',
  A15: 'headers are not changed after the call',
  A16: 'tsgi.input and tsgi.errors are not used after the end',
  A17: 'of tsgi.input and tsgi.errors only the methods of TSGI are used',
  A18: 'a response with status 204 or 304 has no body',
  A19: 'tsgi.* keys are not added or taken away',
  A20: 'an application keeps nothing of a request after its end',
  // the server
  S1: 'environ is an ordinary object, made for the request',
  S2: 'required keys are always there, as strings',
  S3: 'REQUEST_METHOD is as it was sent',
  S4: 'PATH_INFO is the decoded path below SCRIPT_NAME',
  S5: 'QUERY_STRING is raw',
  S6: 'REQUEST_URI is as it was sent',
  S7: 'CONTENT_TYPE and CONTENT_LENGTH have no HTTP_ twin',
  S8: 'SERVER_PROTOCOL is the version of the request',
  S9: 'each header field is HTTP_ and its name, repeats joined in order',
  S10: 'names with an underscore, fields of the connection and Proxy are left out',
  S11: 'every tsgi.* key is there, with its type',
  S12: 'tsgi.signal is aborted when the client is gone',
  S13: 'tsgi.input gives the body to its end, and then nothing, for ever',
  S14: 'tsgi.input reads sizes, lines and chunks',
  S15: 'synchronous reads block or throw TSGI_ERR_NO_BLOCKING, as tsgi.blocking_input says',
  S16: '100 Continue is sent when the application reads',
  S17: 'a body that is not read does not disturb the next request',
  S18: 'tsgi.errors writes, and never fails',
  S19: 'an application is called once for a request',
  S20: 'what write was given goes out first, in order',
  S21: 'startResponse checks its arguments at the call',
  S22: 'a second startResponse throws, replaces, or rethrows its error',
  S23: 'a head is held until the first chunk that is not empty',
  S24: 'a chunk is sent before the next is asked for',
  S25: 'a client that does not read stops its application',
  S26: 'every kind of body is sent',
  S27: 'an empty chunk ends nothing',
  S28: 'close is called once, after the last chunk',
  S29: 'return and close are called when the body is not needed any more',
  S30: 'a body or chunk of another type is an error',
  S31: 'an error is answered 500, or breaks the response off',
  S32: 'the length on the wire is the Content-Length, or the response breaks off',
  S33: 'a response can be told from the next',
  S34: 'HEAD, 204 and 304 are answered without a body',
  S35: 'headers go out as given, with Date',
  S36: 'tsgi.file_wrapper makes a body of a file',
  // middleware
  M1: 'middleware is a server to what is inside it and an application to what is outside',
  M2: 'middleware returns a body as soon as it has one',
  M3: 'middleware holds no chunk back',
  M4: 'middleware that replaces a body passes close on',
  M5: 'middleware hands the error on',
  M6: 'middleware that takes a part of the path moves it from PATH_INFO to SCRIPT_NAME',
  M7: 'middleware names its own keys with its own prefix',
} as const;

export type Rule = keyof typeof RULES;

/** A rule of TSGI was broken; `rule` is its number in docs/tsgi.md. The client is answered 500, or sees the truncation. */
export class TsgiRuleError extends TypeError {
  readonly code = 'TSGI_ERR_RULE';
  readonly rule: Rule;
  override name = 'TsgiRuleError';

  constructor(rule: Rule, message: string) {
    super(`${message} (TSGI rule ${rule})`);
    this.rule = rule;
  }
}

/** A value for an error message: short, on one line. */
export function show(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.length > 80 ? `${value.slice(0, 80)}…` : value);
  if (typeof value === 'function') return 'a function';
  if (typeof value !== 'object' || value === null) return String(value);
  if (Array.isArray(value)) return `an array of ${value.length}`;
  return `an object of ${value.constructor?.name ?? 'no class'}`;
}
