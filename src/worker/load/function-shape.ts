/**
 * Classifies an exported function by its parameters: `(environ, startResponse)`, `(request, response)`, `(request)`, a factory,
 * a class, a plugin.
 *
 * Law: reads a function's source text, and calls nothing. If the text decides nothing, the function counts as TSGI until a
 * request proves it (`ambiguous.ts`).
 */
import type { InterfaceName } from './detect.ts';

export type Shape =
  /** `isNamed`: true if the names of the parameters decide, and not only their number. */
  | {
      readonly kind: 'handler';
      readonly interface: InterfaceName;
      readonly why: string;
      readonly isNamed: boolean;
    }
  /** The function has no parameters, so it may make the application. */
  | { readonly kind: 'factory' }
  /** Cannot serve requests. */
  | { readonly kind: 'unusable'; readonly what: string; readonly remedy: string };

const ENVIRON = /^_?environ$/i;
const REQUEST = /^_?(?:req|request)$/i;
const RESPONSE = /^_?(?:res|response|resp|rep|reply)$/i;
/** Names of the second parameter that runtimes of fetch handlers pass. */
const FETCH_CONTEXT = /^_?(?:env|environment|ctx|context|info|conninfo|bindings|server)$/i;
const PLUGGED = /^_?(?:fastify|instance|app|server|scope)$/i;
/** Symbols that fastify-plugin sets on a plugin. */
const PLUGIN_MARKS = ['skip-override', 'fastify.display-name', 'plugin-meta'].map((name) => Symbol.for(name));

export function shapeOf(found: (...args: never[]) => unknown): Shape {
  const text = Function.prototype.toString.call(found);
  if (/^class\b/.test(text)) return aClass(found.name);
  const names = parametersOf(text);
  const shown = `(${names?.join(', ') ?? ''})`;
  const [first = '', second = ''] = names ?? [];
  if (PLUGIN_MARKS.some((mark) => mark in found) || (PLUGGED.test(first) && found.length > 0))
    return aPlugin(shown);
  if (REQUEST.test(first) && (names!.length === 1 || FETCH_CONTEXT.test(second)))
    return handler('fetch', shown);
  if (REQUEST.test(first) && RESPONSE.test(second) && found.length === 2) return handler('node', shown);
  const isEnviron = ENVIRON.test(first);
  if (found.length >= 3)
    return {
      kind: 'handler',
      interface: 'node',
      why: `the export is a function of ${found.length} parameters`,
      isNamed: REQUEST.test(first),
    };
  if (found.length === 2 || isEnviron || takesMore(text, names))
    return { kind: 'handler', interface: 'tsgi', why: 'the export is a function', isNamed: isEnviron };
  return found.length === 0 ? { kind: 'factory' } : anUnknown(shown);
}

/**
 * Returns the names of the parameters, and for a pattern its text. Returns undefined if the function has no source (a bound
 * function, a Proxy).
 */
export function parametersOf(text: string): string[] | undefined {
  if (/\{\s*\[native code\]\s*\}\s*$/.test(text)) return undefined;
  const code = text.replace(/\/\*[\s\S]*?\*\/|\/\/[^\n]*/g, '');
  const bare = /^\s*(?:async\s+)?([\w$]+)\s*=>/.exec(code);
  if (bare !== null) return [bare[1]!];
  const pieces: string[] = [''];
  let depth = 0;
  for (const char of code.slice(code.indexOf('(') + 1)) {
    if (depth === 0 && char === ')') break;
    if ('([{'.includes(char)) depth += 1;
    if (')]}'.includes(char)) depth -= 1;
    if (depth === 0 && char === ',') pieces.push('');
    else pieces[pieces.length - 1] += char;
  }
  const names = pieces.map((piece) => piece.replace(/\s*=(?!>)[\s\S]*$/, '').trim());
  return names.filter((name) => name !== '');
}

/** True if the function may take more than its `length`: `(...args)`, `arguments`, or the parameters of a bound function. */
function takesMore(text: string, names: readonly string[] | undefined): boolean {
  return names === undefined || names.some((name) => name.startsWith('...')) || /\barguments\b/.test(text);
}

function handler(name: InterfaceName, shown: string): Shape {
  return { kind: 'handler', interface: name, why: `the export is a function ${shown}`, isNamed: true };
}

function aClass(name: string): Shape {
  const shown = name === '' || name === 'default' ? 'App' : name;
  return {
    kind: 'unusable',
    what: `that is the class ${shown}`,
    remedy: `export an instance of it: export default new ${shown}()`,
  };
}

function aPlugin(shown: string): Shape {
  return {
    kind: 'unusable',
    what: `that is a plugin ${shown}, which adds routes to an application`,
    remedy:
      'write a file that registers it and exports the application: const app = Fastify(); app.register(plugin); export default app',
  };
}

function anUnknown(shown: string): Shape {
  return {
    kind: 'unusable',
    what: `that is a function ${shown}`,
    remedy:
      'if it makes the application, export what it returns: export default await create(…); if it handles requests as (request) => Response, start the server with --interface fetch',
  };
}
