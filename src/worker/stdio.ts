/**
 * What an application prints: written at once, and remembered where a stuck thread's last lines can still be read.
 *
 * Law: for a thread of our own only. Node sends a worker's output through the main thread, a message for each write,
 * and what a thread says before it loops for ever or is killed would never arrive.
 */
import { writeSync } from 'node:fs';
import type { TextTail } from '../ring/text-tail.ts';

/** How long a full pipe is left to drain before the next try, ms. */
const FULL_MS = 1;

type Callback = (error?: Error | null) => void;

/** Makes this thread's `process.stdout` and `process.stderr`, and so its console, write by themselves. */
export function takeStdio(tail: TextTail): void {
  for (const [fd, stream] of [
    [1, process.stdout],
    [2, process.stderr],
  ] as const) {
    stream.write = (
      chunk: string | Uint8Array,
      encoding?: BufferEncoding | Callback,
      callback?: Callback,
    ): boolean => {
      const bytes =
        typeof chunk === 'string'
          ? Buffer.from(chunk, typeof encoding === 'string' ? encoding : 'utf8')
          : chunk;
      tail.write(bytes);
      writeAll(fd, bytes, tail);
      const done = typeof encoding === 'function' ? encoding : callback;
      if (done !== undefined) process.nextTick(done);
      return true;
    };
  }
}

function writeAll(fd: number, bytes: Uint8Array, tail: TextTail): void {
  for (let left = bytes; left.length > 0;) {
    try {
      left = left.subarray(writeSync(fd, left));
    } catch (error) {
      // Nobody reads it any more, or there is none: what is printed is lost, as it would be from the main thread.
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') return;
      tail.pause(FULL_MS);
    }
  }
}
