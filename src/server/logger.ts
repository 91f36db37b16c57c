/**
 * Where the server's own lines go.
 *
 * Law: the shape and the default, nothing else. Any logger with these methods fits (pino's and console's do).
 */
import { StreamWriter, openOutputs, unblockOutputs } from '../output.ts';

const KEPT_BYTES = 64 * 1024;

export interface Logger {
  error(text: string): void;
  warn(text: string): void;
  info(text: string): void;
}

/** Errors and warnings go to standard error, which is never waited for; info is left out. */
export const defaultLogger: Logger = {
  error: (text) => write(text),
  warn: (text) => write(text),
  info: () => {},
};

let output: StreamWriter | undefined;

function write(text: string): void {
  output ??= new StreamWriter(openOutputs()[1], 'standard error', {
    patience: 0,
    kept: KEPT_BYTES,
    beforeWrite: unblockOutputs,
    report: write,
  });
  output.write(Buffer.from(`tsgi-threads: ${text}\n`));
}
