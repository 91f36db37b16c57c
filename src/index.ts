/**
 * The entry point for programs. Only re-exports.
 */
/// <reference types="node" preserve="true" />
export type { AnyRequest, Hooks, ShutdownReason, WorkerHandle } from './hooks.ts';
export { type ErrorCode, ApplicationError, OptionError, TsgiError } from './errors.ts';
export type { Logger } from './server/logger.ts';
export type { ListenOptions, ServerOptions, ServerStats, WorkerExit } from './server/server-api.ts';
export { createServer } from './server/create-server.ts';
export type { Server } from './server/server.ts';
export type { Duration, Size } from './units.ts';
