/**
 * What the command prints: never waited for, because the thread that prints is the one that serves.
 *
 * Law: takes the place of this process's `stdout` and `stderr`; what is printed is the rest of this folder's.
 */
import { openOutputs, StreamWriter, STREAMS, takeStream, unblockOutputs } from '../output.ts';
import { tell } from './exit.ts';

const KEPT_BYTES = 64 * 1024;
/** How long the end of the process waits for a reader, ms. */
const END_MS = 200;

const outputs: StreamWriter[] = [];

export function takeCommandOutput(): void {
  const descriptors = openOutputs();
  for (const [fd, stream, name] of STREAMS) {
    const options = { patience: 0, kept: KEPT_BYTES, beforeWrite: unblockOutputs, report: tell };
    const output = new StreamWriter(descriptors[fd - 1]!, name, options);
    // Who has read what is printed may be gone: that is no reason to end.
    process[stream].on('error', () => {});
    takeStream(process[stream], output);
    outputs.push(output);
  }
  process.on('exit', flushStdio);
}

/** Before this process ends. */
export function flushStdio(): void {
  for (const output of outputs) output.flush(END_MS);
}
