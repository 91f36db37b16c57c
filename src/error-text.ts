/**
 * Errors as text for the log, with their causes, codes, other properties, and the errors of an AggregateError.
 *
 * Law: no function throws, even for a hostile value that an application has thrown. A text is cut at LONGEST characters.
 */
import { fileURLToPath } from 'node:url';
import { inspect } from 'node:util';

const LONGEST = 16 * 1024;
/** Frames of each error that a load failure shows. */
const FRAMES = 5;

/** The compiled files of this package. */
const OURS = new URL('.', import.meta.url);
/** Marks of frames that do not help a user: the frames of Node, of piscina and of this package. */
const FOREIGN = [
  '(node:',
  'at node:',
  'at async node:',
  '/node_modules/piscina/',
  OURS.href,
  fileURLToPath(OURS),
];

/** As `console.error` prints it. */
export function errorText(error: unknown): string {
  return bounded(error instanceof Error ? inspected(error) : `thrown: ${shown(error)}`);
}

/** An error that an application threw while it loaded: its message, its own frames, and its properties. */
export function loadErrorText({ message, stack = '' }: Error): string {
  const lines = stack.split('\n');
  const start = lines.findIndex((line) => isFrame(line) || / \{$/.test(line));
  const shown: string[] = [message];
  let frames = 0;
  for (const line of start === -1 ? [] : lines.slice(start)) {
    frames = isFrame(line) ? frames + 1 : 0;
    const isForeign = FOREIGN.some((place) => line.includes(place));
    if (frames === 0 || (!isForeign && frames <= FRAMES)) shown.push(line);
    else if (line.endsWith(' {')) shown.push('{');
  }
  return shown.join('\n');
}

function isFrame(line: string): boolean {
  return /^\s+at /.test(line);
}

function inspected(error: Error): string {
  try {
    return inspect(error);
  } catch {
    // A getter or a proxy in the error has thrown.
    return stackOf(error);
  }
}

function stackOf(error: Error): string {
  try {
    return String(error.stack ?? error);
  } catch {
    return 'an error that cannot be shown';
  }
}

function shown(value: unknown): string {
  try {
    return typeof value === 'string' ? value : inspect(value);
  } catch {
    return `a ${typeof value} that cannot be shown`;
  }
}

function bounded(text: string): string {
  if (text.length <= LONGEST) return text;
  return `${text.slice(0, LONGEST)}… (${text.length - LONGEST} more characters)`;
}
