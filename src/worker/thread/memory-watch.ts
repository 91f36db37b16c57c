/**
 * Watches whether this worker has grown beyond its limit.
 *
 * Law: reads the statistics of its own isolate once a second. The callback decides what follows.
 */
import { getHeapStatistics } from 'node:v8';

const EVERY_MS = 1000;

/** Calls `onExceeded` once for each check at which heap and external memory are above `most` bytes. 0 disables the limit. */
export function watchMemory(most: number, onExceeded: (bytes: number) => void): void {
  if (most === 0) return;
  const look = () => {
    const { used_heap_size: heap, external_memory: external } = getHeapStatistics();
    if (heap + external > most) onExceeded(heap + external);
  };
  setInterval(look, EVERY_MS).unref();
}
