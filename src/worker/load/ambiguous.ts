/**
 * Checks a function that was called as TSGI because its source shows no interface, until one request proves it.
 *
 * Law: `(environ, startResponse)`, `(request, response)` and `(request)` look the same until they are called. The failures of
 * the first calls differ, and the error names the flag. After one successful call this check does nothing.
 */
import { ApplicationError } from '../../errors.ts';
import { bodyError } from '../../tsgi/check-answer.ts';
import type { Application, Body } from '../../tsgi/types.ts';

/** Error texts of a function that used startResponse as a response, or environ as a request of Node. */
const AS_NODE =
  /\.(?:end|write|writeHead|setHeader|getHeader|appendHeader|flushHeaders|status|send|sendFile|redirect|header|headers|type|on|once|pipe|resume|setEncoding)(?:\.\w+)? is not a function|\(reading '(?:remoteAddress|accept|host|cookie|user-agent|content-type|authorization)'\)/;
/** Error texts of a function that used environ as a `Request`. */
const AS_FETCH = /\.(?:text|arrayBuffer|formData|blob|clone)(?:\.\w+)? is not a function|Invalid URL/;

/** An Express response has this method, and so has a `Request`, the only parameter of a fetch handler. */
const AS_EITHER = /\.json(?:\.\w+)? is not a function/;

export function untilProven(application: Application): Application {
  let proven = false;
  const judge = (result: Body): Body => {
    if (isResponse(result)) throw wrong('it returned a Response', 'fetch');
    if (result === undefined) throw wrong(`it returned nothing (${bodyError(result).message})`, 'node');
    proven = true;
    return result;
  };
  const fail = (error: unknown): never => {
    const text = error instanceof TypeError ? error.message : '';
    const flag = meantBy(text, application.length);
    if (flag !== undefined) throw wrong(`it threw "${text}"`, flag, error);
    throw error;
  };
  return (environ, startResponse) => {
    if (proven) return application(environ, startResponse);
    try {
      const result = application(environ, startResponse);
      return result instanceof Promise ? result.then(judge, fail) : judge(result);
    } catch (error) {
      return fail(error);
    }
  };
}

/**
 * Recognizes a `Response` by properties that no TSGI body has. A read of `Response` would load Node's HTTP client, which takes
 * 15 ms.
 */
function isResponse(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'arrayBuffer' in value && 'headers' in value;
}

function meantBy(text: string, parameters: number): 'node' | 'fetch' | undefined {
  if (AS_NODE.test(text)) return 'node';
  if (AS_FETCH.test(text)) return 'fetch';
  if (!AS_EITHER.test(text)) return undefined;
  return parameters === 1 ? 'fetch' : 'node';
}

function wrong(what: string, flag: 'node' | 'fetch', cause?: unknown): ApplicationError {
  const meant = flag === 'node' ? '(request, response)' : '(request) => Response';
  return new ApplicationError(
    'TSGI_ERR_APP_INTERFACE',
    `The application was called as TSGI, (environ, startResponse), and ${what}. If it is a function ${meant}, start the server with --interface ${flag}.`,
    { cause },
  );
}
