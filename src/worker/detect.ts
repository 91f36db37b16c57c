/**
 * Which interface an application is called through, by what was exported: docs/interfaces.md has this as a table.
 *
 * Law: looks, and calls nothing but a framework's own way to its listener. Frameworks are told by what they can do, not
 * by name, so this knows no package.
 */
import { Server } from 'node:http';
import { OptionError } from '../errors.ts';
import type { Application } from '../tsgi/types.ts';
import type { FetchHandler } from './node/fetch-exchange.ts';
import type { NodeHandler } from './node/node-interface.ts';

export type InterfaceName = 'tsgi' | 'fetch' | 'node';

/** An application, and how it is called. `why`: what told so, for one line of the log. */
export type Detected =
  | { readonly interface: 'tsgi'; readonly application: Application; readonly why: string }
  | { readonly interface: 'fetch'; readonly application: FetchHandler; readonly why: string }
  | { readonly interface: 'node'; readonly application: NodeHandler | Server; readonly why: string };

type Callable = (...args: unknown[]) => unknown;

/** Express, connect and their kin: functions that carry a router's methods. */
const ROUTER_METHODS = ['handle', 'use', 'set'];
const LISTENER_PARAMETERS = 2;
/** `(request, response, next)`. */
const MIDDLEWARE_PARAMETERS = 3;

/**
 * @param chosen what the option `interface` says
 * @returns undefined for what is nothing that runs
 * @throws OptionError TSGI_ERR_APP_EXPORT when it runs, but not through the interface that was chosen
 */
export async function detect(found: unknown, chosen: InterfaceName | 'auto'): Promise<Detected | undefined> {
  if (!isThing(found)) return undefined;
  switch (chosen) {
    case 'tsgi':
      return required(typeof found === 'function' ? tsgi(found, 'by --interface') : undefined, chosen);
    case 'fetch':
      return required(
        asFetch(found) ?? (isCallable(found) ? fetchHandler(found, 'by --interface') : undefined),
        chosen,
      );
    case 'node':
      return required(
        (await asNode(found)) ??
          (isCallable(found) ? node(found as NodeHandler, 'by --interface') : undefined),
        chosen,
      );
    case 'auto':
      return asFetch(found) ?? (await asNode(found)) ?? asFunction(found);
  }
}

/** What a module exports as `fetch` itself. */
export function fetchHandler(application: unknown, why: string): Detected {
  return { interface: 'fetch', application: application as FetchHandler, why };
}

/** A server that the program listens with. */
export function ownServer(server: Server): Detected {
  return { interface: 'node', application: server, why: 'the program listens by itself' };
}

function tsgi(application: unknown, why: string): Detected {
  return { interface: 'tsgi', application: application as Application, why };
}

function node(application: NodeHandler | Server, why: string): Detected {
  return { interface: 'node', application, why };
}

function asFetch(found: object): Detected | undefined {
  const handler = method(found, 'fetch');
  return handler === undefined ? undefined : fetchHandler(handler, 'the export has a method fetch');
}

async function asNode(found: object): Promise<Detected | undefined> {
  if (found instanceof Server) return node(found, 'the export is an http.Server');
  if (typeof found === 'function') {
    const named = ROUTER_METHODS.find((name) => method(found, name) !== undefined);
    if (named !== undefined)
      return node(found as NodeHandler, `the export is a function with a method ${named}`);
    if (found.length >= MIDDLEWARE_PARAMETERS)
      return node(found as NodeHandler, `the export is a function of ${found.length} parameters`);
    return undefined;
  }
  const callback = method(found, 'callback');
  if (callback !== undefined) return node(callback() as NodeHandler, 'the export has a method callback');
  const adapter = method(found, 'getHttpAdapter');
  if (adapter !== undefined) {
    await method(found, 'init')?.();
    const instance = (adapter() as { getInstance(): unknown }).getInstance();
    return isThing(instance) ? asNode(instance) : undefined;
  }
  const server = await serverOf(found);
  if (server !== undefined) return node(server, 'the export has an http.Server of its own');
  const handler = method(found, 'handler');
  // h3's takes an event, and is no listener.
  if (handler === undefined || handler.length < LISTENER_PARAMETERS) return undefined;
  return node(handler as NodeHandler, 'the export has a method handler');
}

/** Fastify's `server`, hapi's `listener`; both want to be made ready first. */
async function serverOf(found: object): Promise<Server | undefined> {
  const { server, listener } = found as { server?: unknown; listener?: unknown };
  const own = [server, listener].find((candidate) => candidate instanceof Server);
  if (own !== undefined) await (method(found, 'ready') ?? method(found, 'initialize'))?.();
  return own as Server | undefined;
}

function asFunction(found: object): Detected | undefined {
  return typeof found === 'function' ? tsgi(found, 'the export is a function') : undefined;
}

function isThing(value: unknown): value is object {
  return (typeof value === 'object' && value !== null) || typeof value === 'function';
}

function isCallable(value: unknown): value is Callable {
  return typeof value === 'function';
}

function method(of: object, name: string): Callable | undefined {
  const found = (of as Record<string, unknown>)[name];
  return isCallable(found) ? (found.bind(of) as Callable) : undefined;
}

function required(detected: Detected | undefined, chosen: InterfaceName): Detected {
  if (detected !== undefined) return detected;
  const wanted = {
    tsgi: 'a function (environ, startResponse)',
    fetch: 'a function (request), or an object with a method fetch',
    node: 'a function (request, response), an http.Server, or a framework that has one',
  }[chosen];
  throw new OptionError(
    'TSGI_ERR_APP_EXPORT',
    `Cannot use the application: --interface ${chosen} takes ${wanted}`,
  );
}
