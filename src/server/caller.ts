/**
 * The folder of the file that called into this package.
 *
 * Law: reads one stack trace; imports no other file of this package.
 */
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** This package's own files, which are between the caller and this file in the stack. */
const OURS: string = fileURLToPath(new URL('..', import.meta.url));

/** Undefined if no file called, but a prompt, `--eval`, or code without a file name. */
export function callerFolder(): string | undefined {
  const file = calledFiles().find((name) => path.isAbsolute(name) && !name.startsWith(OURS));
  return file === undefined ? undefined : path.dirname(file);
}

function calledFiles(): string[] {
  const { prepareStackTrace } = Error;
  try {
    Error.prepareStackTrace = (_, sites) => sites.map((site) => pathOf(site.getFileName() ?? ''));
    return new Error('').stack as unknown as string[];
  } finally {
    Error.prepareStackTrace = prepareStackTrace;
  }
}

function pathOf(name: string): string {
  return name.startsWith('file:') ? fileURLToPath(name) : name;
}
