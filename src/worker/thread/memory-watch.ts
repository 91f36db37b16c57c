/**
 * Whether this worker has grown beyond what it may.
 *
 * Law: looks at its own isolate now and then; what follows is decided by who is told.
 */
import { getHeapStatistics } from 'node:v8';

const EVERY_MS = 1000;

/** Tells once for each look at which heap and external memory are above `most` bytes; 0: never looks. */
export function watchMemory(most: number, onExceeded: (bytes: number) => void): void {
  if (most === 0) return;
  const look = () => {
    const { used_heap_size: heap, external_memory: external } = getHeapStatistics();
    if (heap + external > most) onExceeded(heap + external);
  };
  setInterval(look, EVERY_MS).unref();
}
