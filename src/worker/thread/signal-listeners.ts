/**
 * The program's listeners for signals. Node delivers signals only to the main thread, which passes them on.
 *
 * Law: `process` of this thread. `goodbye.ts` calls the listeners for SIGTERM and SIGINT at the end.
 */
import type { EventEmitter } from 'node:events';
import { constants } from 'node:os';
import { isForPrograms } from '../../signals.ts';

/**
 * Calls `tell` with the signals that the program listens for, each time that a signal gets its first listener or loses its
 * last.
 */
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
