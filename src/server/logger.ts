/**
 * The destination of the server's own log lines.
 *
 * Law: the type and the default, nothing else. Any logger with these methods fits, such as pino and console.
 */
import { StreamWriter, openOutputs, unblockOutputs } from '../output.ts';

const KEPT_BYTES = 64 * 1024;

export interface Logger {
  error(text: string): void;
  warn(text: string): void;
  info(text: string): void;
}

/** Writes errors and warnings to standard error without blocking. Omits info. */
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
