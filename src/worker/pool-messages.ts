/**
 * What the pool and a worker say to each other over `control`, and what a worker is started with.
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
  /** A file: URL, or in the caller's own thread the application itself. */
  readonly application: string | object;
  /** The file is CommonJS. */
  readonly isScript: boolean;
  /** Absolute path of the application as its user named it; '' for a function. */
  readonly source: string;
  /** What stands behind it on the command line. */
  readonly args: readonly string[];
  /** The process has no other work than this server. */
  readonly ownsProcess: boolean;
  /** Installed before anything of the application is loaded: a module's URL, and what its `install` takes. */
  readonly runtime: { readonly url: string; readonly data: unknown } | null;
  /** Imported files that Node cannot load. */
  readonly assets: readonly { readonly file: string; readonly importer: string }[];
  /** Loaded before the application. */
  readonly imports: readonly PreloadedModule[];
  readonly interface: InterfaceName | 'auto';
  readonly exportName: string;
  /** What is wrong with the application, to be shown in its place; ''. */
  readonly problem: string;
  readonly context: EnvironContext;
  readonly handlerTimeout: number;
  /** Where requests carry the key that pins them to a worker; ''. */
  readonly affinity: string;
  /** Milliseconds that connections taken over by the application have to end. */
  readonly drainSockets: number;
  /** Hold the application to the rules of TSGI. */
  readonly validate: boolean;
  /** Workers that the server keeps. */
  readonly threads: number;
  /** Which of them this is: from 0, inherited by whoever takes its place. */
  readonly index: number;
  /** What earlier workers did with the application: listen by itself, or only export; null if there was none. */
  readonly expects: 'listen' | 'export' | null;
  /** Where the server listens, by place: the first is the server's own, others are a program's. Those to come are missing. */
  readonly addresses: readonly (AddressInfo | undefined)[];
  /** Where what is printed is written. */
  readonly descriptors: Descriptors;
  /** Where what is printed is remembered; null in the caller's own thread. */
  readonly output: SharedArrayBuffer | null;
  /** Bytes of heap and external memory; 0: any. */
  readonly maxWorkerMemory: number;
}

/** What a worker that has loaded its application tells of it. */
export interface Readiness {
  readonly interface: InterfaceName;
  /** What told so. */
  readonly why: string;
  /** Where a program that listens by itself wants to be served; null for what only exports. */
  readonly asked: Asked | null;
}

/** What a worker says to the pool. */
export type FromWorker =
  | { readonly type: 'started'; readonly threadId: number }
  /** It serves. Sent again if the program listens by itself after its export was served. */
  | ({ readonly type: 'ready' } & Readiness)
  /** A program listens in one more place, counted from 1. */
  | { readonly type: 'asks'; readonly place: number; readonly asked: Asked }
  /** The server object of a program's place has set these limits for its clients, and no others. */
  | { readonly type: 'limits'; readonly place: number; readonly own: Partial<ServerLimits> }
  /** The program ends connections of a place that no worker serves; `idleOnly`: those that have been answered. */
  | { readonly type: 'cut'; readonly place: number; readonly idleOnly: boolean }
  /** Its program wants a port that is no HTTP, listens there, or wants it no more. `key`: names the port. */
  | { readonly type: 'port'; readonly step: 'claim' | 'bound' | 'lost' | 'release'; readonly key: string }
  | { readonly type: 'fault' }
  /** Uncaught errors follow one another in it, so that it cannot end by itself. */
  | { readonly type: 'storm' }
  /** Its program listens for these signals, and no others. */
  | { readonly type: 'signals'; readonly names: readonly NodeJS.Signals[] }
  | { readonly type: 'worn'; readonly why: string }
  /** It has done all it will do. */
  | { readonly type: 'closed' }
  | { readonly type: 'failed'; readonly code: string; readonly message: string; readonly stack: string }
  | { readonly type: 'log'; readonly level: 'error' | 'info'; readonly text: string }
  /** What the operator should know, once. */
  | { readonly type: 'hint'; readonly text: string }
  | { readonly type: 'sign'; readonly sign: Sign };

/** A sign of state that one worker keeps and others need. */
export type Sign =
  /** It has connections that its application took over; its application passes messages from one to others. */
  | { readonly sign: 'sockets' | 'broadcasts' }
  /** It has answered with metrics; it has opened an MCP session. */
  | { readonly sign: 'metrics' | 'mcp' }
  /** It gives a client a session cookie; `carried`: the one that the request had, ''. Both are hashes. */
  | { readonly sign: 'session'; readonly name: string; readonly given: string; readonly carried: string };

/** What the pool says to a worker. */
export type ToWorker =
  /** The server has been told to stop: the program's listeners for SIGTERM are called now. Requests are still answered. */
  | { readonly type: 'stopping' }
  /** The worker claims no more requests. It finishes those that it has, and ends. */
  | { readonly type: 'close'; readonly reason: ShutdownReason }
  /** This process has received a signal that its program listens for. */
  | { readonly type: 'signal'; readonly name: NodeJS.Signals }
  /** The server closes: connections that its application has taken over shall end, requests are still answered. */
  | { readonly type: 'drain' }
  /** The server listens: a program that asked to listen does so now. */
  | { readonly type: 'listening'; readonly place: number; readonly address: AddressInfo }
  /** The answers to a claim: it may bind, or another worker listens there. `renew`: the file of its socket is gone. */
  | { readonly type: 'port'; readonly step: 'granted' | 'shared' | 'renew'; readonly key: string }
  /** It cannot listen there: code and message of the operating system's error. */
  | {
      readonly type: 'refused';
      readonly place: number;
      readonly code: string | undefined;
      readonly message: string;
    };
