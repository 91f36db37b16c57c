/**
 * The messages between the pool and a worker over `control`, and the task that starts a worker.
 *
 * Law: types only; a change here changes both sides.
 */
import type { AddressInfo } from 'node:net';
import type { MessagePort } from 'node:worker_threads';
import type { Descriptors } from '../output.ts';
import type { ShutdownReason } from '../hooks.ts';
import type { Asked } from '../stand-in.ts';
import type { ServerLimits } from '../server-limits.ts';
import type { InterfaceName } from './load/detect.ts';
import type { EnvironContext } from './tsgi/make-environ.ts';
import type { PreloadedModule } from './load/imports.ts';
import type { LinkTask } from './exchange/link.ts';
import type { LoopLimits } from './exchange/loop.ts';

export interface WorkerTask extends LinkTask, Omit<LoopLimits, 'apart'> {
  readonly control: MessagePort;
  /** A `file:` URL, or in the caller's own thread the application itself. */
  readonly application: string | object;
  /** True if the file is CommonJS. */
  readonly isScript: boolean;
  /** Absolute path of the application as the user named it; '' for a function. */
  readonly source: string;
  /** The arguments after the application on the command line. */
  readonly args: readonly string[];
  /** True if the process has no other work than this server. */
  readonly ownsProcess: boolean;
  /**
   * A module that the worker installs before it loads anything of the application: its URL, and the argument of its `install`.
   */
  readonly runtime: { readonly url: string; readonly data: unknown } | null;
  /** Imported files that Node cannot load. */
  readonly assets: readonly { readonly file: string; readonly importer: string }[];
  /** Modules that the worker loads before the application. */
  readonly imports: readonly PreloadedModule[];
  readonly interface: InterfaceName | 'auto';
  readonly exportName: string;
  /** The message of the problem page that the worker serves in place of the application; '' if there is no problem. */
  readonly problem: string;
  readonly context: EnvironContext;
  readonly handlerTimeout: number;
  /** The place in requests of the key that pins them to a worker; '' without affinity. */
  readonly affinity: string;
  /** Milliseconds that connections taken over by the application have to end. */
  readonly drainSockets: number;
  /** True if the worker checks the application against the rules of TSGI. */
  readonly validate: boolean;
  /** Number of workers that the server keeps. */
  readonly threads: number;
  /** Index of this worker, from 0. Its replacement inherits the index. */
  readonly index: number;
  /**
   * How earlier workers served the application: it listened by itself, or only exported. Null if there was no earlier worker.
   */
  readonly expects: 'listen' | 'export' | null;
  /**
   * Addresses at which the server listens, by place. The first is the server's own, the others are a program's. Places without
   * a listener yet are missing.
   */
  readonly addresses: readonly (AddressInfo | undefined)[];
  /** File descriptors to which the thread writes the application's output. */
  readonly descriptors: Descriptors;
  /** Memory that keeps the last output of the application; null in the caller's own thread. */
  readonly output: SharedArrayBuffer | null;
  /** Bytes of heap and external memory at which the worker is recycled. 0 disables the limit. */
  readonly maxWorkerMemory: number;
}

/** What a worker reports about its loaded application. */
export interface Readiness {
  readonly interface: InterfaceName;
  /** The evidence for `interface`. */
  readonly why: string;
  /** The address that a program passed to its own `listen`; null for an application that only exports. */
  readonly asked: Asked | null;
}

/** Messages from a worker to the pool. */
export type FromWorker =
  | { readonly type: 'started'; readonly threadId: number }
  /** The worker serves. Sent again if the program listens by itself after the worker began to serve its export. */
  | ({ readonly type: 'ready' } & Readiness)
  /** A program listens in one more place, counted from 1. */
  | { readonly type: 'asks'; readonly place: number; readonly asked: Asked }
  /** The complete set of limits that the server object of a program's place has set for its clients. */
  | { readonly type: 'limits'; readonly place: number; readonly own: Partial<ServerLimits> }
  /**
   * The program ends connections of a place that no worker serves. `idleOnly`: only connections without a request in flight.
   */
  | { readonly type: 'cut'; readonly place: number; readonly idleOnly: boolean }
  /** The program claims, has bound, has lost or releases a port that does not serve HTTP. `key`: names the port. */
  | { readonly type: 'port'; readonly step: 'claim' | 'bound' | 'lost' | 'release'; readonly key: string }
  | { readonly type: 'fault' }
  /** Uncaught errors follow one another in the worker, so that it cannot end by itself. */
  | { readonly type: 'storm' }
  /** The complete set of signals that the program listens for. */
  | { readonly type: 'signals'; readonly names: readonly NodeJS.Signals[] }
  | { readonly type: 'worn'; readonly why: string }
  /** The worker has finished all its work. */
  | { readonly type: 'closed' }
  | { readonly type: 'failed'; readonly code: string; readonly message: string; readonly stack: string }
  | { readonly type: 'log'; readonly level: 'error' | 'info'; readonly text: string }
  /** A text that the operator should read once. */
  | { readonly type: 'hint'; readonly text: string }
  | { readonly type: 'sign'; readonly sign: Sign };

/** A sign that one worker keeps state that other workers need. */
export type Sign =
  /**
   * `sockets`: the worker has connections that its application took over. `broadcasts`: its application passes messages from
   * one such connection to others.
   */
  | { readonly sign: 'sockets' | 'broadcasts' }
  /** `metrics`: the worker has answered with metrics. `mcp`: it has opened an MCP session. */
  | { readonly sign: 'metrics' | 'mcp' }
  /** The worker sends a client the session cookie `given`. `carried`: the cookie in the request, or ''. Both are hashes. */
  | { readonly sign: 'session'; readonly name: string; readonly given: string; readonly carried: string };

/** Messages from the pool to a worker. */
export type ToWorker =
  /** The server is stopping. The worker calls the program's listeners for SIGTERM now, and still answers requests. */
  | { readonly type: 'stopping' }
  /** The worker claims no more requests. It finishes the requests that it has, and ends. */
  | { readonly type: 'close'; readonly reason: ShutdownReason }
  /** This process has received a signal that the program listens for. */
  | { readonly type: 'signal'; readonly name: NodeJS.Signals }
  /** The server closes. The worker ends the connections that its application has taken over, and still answers requests. */
  | { readonly type: 'drain' }
  /** The server listens in a place that a program asked for. The program's server emits `listening` now. */
  | { readonly type: 'listening'; readonly place: number; readonly address: AddressInfo }
  /**
   * The answer to a claim. `granted`: the worker may bind. `shared`: another worker listens there. `renew`: the socket's file
   * is gone.
   */
  | { readonly type: 'port'; readonly step: 'granted' | 'shared' | 'renew'; readonly key: string }
  /** The server cannot listen there. Code and message are the operating system's. */
  | {
      readonly type: 'refused';
      readonly place: number;
      readonly code: string | undefined;
      readonly message: string;
    };
