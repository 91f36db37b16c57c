/**
 * The program's listeners for signals: Node delivers signals to the main thread alone, so that thread passes them on.
 *
 * Law: `process` of this thread. SIGTERM and SIGINT are called at the end (`goodbye.ts`).
 */
import type { EventEmitter } from 'node:events';
import { constants } from 'node:os';
import { isForPrograms } from '../../signals.ts';

/** Tells which signals the program listens for, each time that one is added or has no listener any more. */
export function watchSignals(tell: (names: NodeJS.Signals[]) => void): void {
  const heard = new Set<NodeJS.Signals>();
  process.on('newListener', (name) => {
    if (!isForPrograms(name) || heard.has(name)) return;
    heard.add(name);
    tell([...heard]);
  });
  process.on('removeListener', (name) => {
    if (isForPrograms(name) && process.listenerCount(name) === 0 && heard.delete(name)) tell([...heard]);
  });
}

/** Calls the program's listeners as Node does. */
export function deliverSignal(name: NodeJS.Signals): void {
  const emitter: EventEmitter = process;
  if (emitter.listenerCount(name) > 0) emitter.emit(name, name, constants.signals[name]);
}
