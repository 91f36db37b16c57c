/**
 * What an application prints: written at once, and remembered where a stuck thread's last lines can still be read.
 *
 * Law: for a thread of our own only. Node sends a worker's output through the main thread, and what a thread prints before
 * it loops for ever or is killed would never arrive.
 *
 * As under Node, a worker waits for a reader that is slow. If the reader takes nothing for half a second, lines are
 * dropped and counted: a reader that stands still would otherwise cost one worker after the other.
 */
import { type Descriptors, StreamWriter, STREAMS, takeStream } from '../../output.ts';
import type { TextTail } from '../../ring/text-tail.ts';

const PATIENCE_MS = 500;
const KEPT_BYTES = 16 * 1024;

/** Makes this thread's `process.stdout` and `process.stderr`, and so its console, write by themselves. */
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
