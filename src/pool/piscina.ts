/**
 * Piscina as the pool uses it: threads that are started, load the worker's module, and are ended.
 *
 * Law: settings only. `minThreads: 0` and no idle timeout, so that piscina starts no thread by itself; `atomics:
 * 'disabled'`, because its default blocks the worker's event loop; a generous `maxThreads`, because zombies count.
 */
import { Piscina } from 'piscina';
import { WORKER_LINES } from '../ring/layout.ts';
import { THREAD_URL } from './incarnation.ts';

export function createPiscina(): Piscina {
  return new Piscina({
    filename: THREAD_URL.href,
    minThreads: 0,
    maxThreads: WORKER_LINES,
    idleTimeout: Number.POSITIVE_INFINITY,
    atomics: 'disabled',
    recordTiming: false,
  });
}
