/**
 * The output of the command. Writes never block, because the thread that prints is also the thread that serves.
 *
 * Law: replaces this process's `stdout` and `stderr`. The other files of this folder decide what to print.
 */
import { openOutputs, StreamWriter, STREAMS, takeStream, unblockOutputs } from '../output.ts';
import { tell } from './exit.ts';

const KEPT_BYTES = 64 * 1024;
/** How long the process waits for a reader before it ends, ms. */
const END_MS = 200;

const outputs: StreamWriter[] = [];

export function takeCommandOutput(): void {
  const descriptors = openOutputs();
  for (const [fd, stream, name] of STREAMS) {
    const options = { patience: 0, kept: KEPT_BYTES, beforeWrite: unblockOutputs, report: tell };
    const output = new StreamWriter(descriptors[fd - 1]!, name, options);
    // The reader of the output may be gone. That is no reason to end.
    process[stream].on('error', () => {});
    takeStream(process[stream], output);
    outputs.push(output);
  }
  process.on('exit', flushStdio);
}

/** Call it before this process ends. */
export function flushStdio(): void {
  for (const output of outputs) output.flush(END_MS);
}
