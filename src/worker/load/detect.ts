/**
 * Decides through which interface an application is called, by its export. docs/guide/frameworks.md has the decision as a
 * table.
 *
 * Law: reads, and calls only a framework's own way to its listener. It recognizes frameworks by their methods, not by name, so
 * it knows no package. `function-shape.ts` classifies a bare function.
 */
import { Server } from 'node:http';
import { OptionError } from '../../errors.ts';
import type { Application } from '../../tsgi/types.ts';
import type { FetchListener } from '../fetch/exchange.ts';
import { shapeOf } from './function-shape.ts';
import type { NodeHandler } from '../node/interface.ts';

export type InterfaceName = 'tsgi' | 'fetch' | 'node';

/** An application, and the interface for its calls. `why`: the evidence, for one line of the log. */
export type Detected =
  | { readonly interface: 'tsgi'; readonly application: Application; readonly why: string }
  | { readonly interface: 'fetch'; readonly application: FetchListener; readonly why: string }
  | { readonly interface: 'node'; readonly application: NodeHandler | Server; readonly why: string };

type Callable = (...args: unknown[]) => unknown;

/** The kind of an export. */
export type Found =
  /**
   * `take` prepares the application as its framework requires. It is called once the program is known not to listen by itself.
   * `guessed`: the name of a function that is an application only by the number of its parameters.
   */
  | { readonly kind: 'application'; readonly take: () => Promise<Detected>; readonly guessed?: string }
  /** `name`: name of the function; null if the user named it as the factory. */
  | { readonly kind: 'factory'; readonly make: () => unknown; readonly name: string | null }
  /** `what`: a description of the export. `remedy`: what to write instead. */
  | { readonly kind: 'unusable'; readonly what: string; readonly remedy: string };

type Taking = () => Promise<Detected>;

/** Express, connect and similar frameworks: functions that carry a router's methods. */
const ROUTER_METHODS = ['handle', 'use', 'set'];
const LISTENER_PARAMETERS = 2;

/**
 * Classifies an export.
 *
 * @param chosen value of the option `interface`
 * @returns undefined if the export cannot run
 * @throws OptionError TSGI_ERR_APP_EXPORT if it can run, but not through the chosen interface
 */
export function recognise(found: unknown, chosen: InterfaceName | 'auto'): Found | undefined {
  if (!isThing(found)) return undefined;
  const byInterface = (take: (application: Callable) => Detected) =>
    isCallable(found) ? async () => take(found) : undefined;
  switch (chosen) {
    case 'tsgi':
      return required(
        byInterface((application) => tsgi(application, 'by --interface')),
        chosen,
      );
    case 'fetch':
      return required(
        asFetch(found) ?? byInterface((application) => fetchHandler(application, 'by --interface')),
        chosen,
      );
    case 'node':
      return required(
        asNode(found) ?? byInterface((application) => node(application as NodeHandler, 'by --interface')),
        chosen,
      );
    case 'auto': {
      const take = asFetch(found) ?? asNode(found);
      if (take !== undefined) return { kind: 'application', take };
      return isCallable(found) ? asFunction(found) : undefined;
    }
  }
}

/** An application whose module exports `fetch` itself. */
export function fetchHandler(application: unknown, why: string): Detected {
  return { interface: 'fetch', application: application as FetchListener, why };
}

/** An application that is the server with which a program listens. */
export function ownServer(server: Server): Detected {
  return { interface: 'node', application: server, why: 'the program listens by itself' };
}

function tsgi(application: unknown, why: string): Detected {
  return { interface: 'tsgi', application: application as Application, why };
}

function node(application: NodeHandler | Server, why: string): Detected {
  return { interface: 'node', application, why };
}

function asFetch(found: object): Taking | undefined {
  const handler = method(found, 'fetch');
  return handler && (async () => fetchHandler(handler, 'the export has a method fetch'));
}

function asNode(found: object): Taking | undefined {
  const as = (application: NodeHandler | Server, why: string) => async () => node(application, why);
  if (found instanceof Server) return as(found, 'the export is an http.Server');
  if (isCallable(found)) {
    const named = ROUTER_METHODS.find((name) => method(found, name) !== undefined);
    if (named === undefined) return undefined;
    return as(found as NodeHandler, `the export is a function with a method ${named}`);
  }
  const callback = method(found, 'callback');
  if (callback !== undefined)
    return async () => node(callback() as NodeHandler, 'the export has a method callback');
  const adapter = method(found, 'getHttpAdapter');
  if (adapter !== undefined) return () => ofAdapter(found, adapter);
  const server = serverOf(found);
  if (server !== undefined)
    return async () => {
      // Fastify and hapi add their listeners during this call.
      await (method(found, 'ready') ?? method(found, 'initialize'))?.();
      return node(server, 'the export has an http.Server of its own');
    };
  const handler = method(found, 'handler');
  // The handler of h3 takes an event, and is not a listener.
  if (handler === undefined || handler.length < LISTENER_PARAMETERS) return undefined;
  return as(handler as NodeHandler, 'the export has a method handler');
}

/** NestJS: initializes the application, and finds the listener in its adapter. */
async function ofAdapter(found: object, adapter: Callable): Promise<Detected> {
  await method(found, 'init')?.();
  const instance = (adapter() as { getInstance(): unknown }).getInstance();
  const take = isThing(instance) ? asNode(instance) : undefined;
  return (required(take, 'node') as Extract<Found, { kind: 'application' }>).take();
}

/** Fastify's `server`, hapi's `listener`. */
function serverOf(found: object): Server | undefined {
  const { server, listener } = found as { server?: unknown; listener?: unknown };
  return [server, listener].find((candidate) => candidate instanceof Server);
}

function asFunction(found: Callable): Found {
  const shape = shapeOf(found);
  if (shape.kind === 'factory') return { kind: 'factory', make: () => found(), name: found.name };
  if (shape.kind === 'unusable') return shape;
  const { interface: name, why } = shape;
  return {
    kind: 'application',
    ...(shape.isNamed ? {} : { guessed: found.name }),
    take: async () => ({ interface: name, application: found, why }) as Detected,
  };
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

function required(take: Taking | undefined, chosen: InterfaceName): Found {
  if (take !== undefined) return { kind: 'application', take };
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
