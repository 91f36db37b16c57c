/**
 * Writes an application's output at once, and keeps its end in shared memory, where it can be read even if the thread is stuck.
 *
 * Law: only for a thread of the server. Node sends a worker's output through the main thread. Output from just before an
 * endless loop or a kill would never arrive.
 *
 * As under Node, a worker waits for a slow reader. If the reader takes nothing for half a second, the worker drops lines and
 * counts them. Otherwise a reader that has stopped would block one worker after the other.
 */
import { type Descriptors, StreamWriter, STREAMS, takeStream } from '../../output.ts';
import type { TextTail } from '../../ring/text-tail.ts';

const PATIENCE_MS = 500;
const KEPT_BYTES = 16 * 1024;

/** Makes this thread's `process.stdout` and `process.stderr`, and so its console, write to the descriptors directly. */
export function takeApplicationOutput(tail: TextTail, descriptors: Descriptors, slot: number): void {
  const report = (text: string) => void process.stderr.write(`tsgi-threads: ${text} (worker ${slot})\n`);
  for (const [fd, stream, name] of STREAMS) {
    const output = new StreamWriter(descriptors[fd - 1]!, name, {
      patience: PATIENCE_MS,
      kept: KEPT_BYTES,
      report,
    });
    takeStream(process[stream], output, (bytes) => tail.write(bytes));
  }
}
