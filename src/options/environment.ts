/**
 * Environment variables that look like an option's and are none.
 *
 * Law: names only; values are `resolve.ts`'s.
 */
import { OptionError } from '../errors.ts';
import { nearestOf } from './nearest.ts';
import { type AnyOption, variablesOf } from './show.ts';
import { synonymsOf } from './synonyms.ts';
import { COMMAND_OPTIONS, OPTIONS } from './table.ts';

const PREFIX = 'TSGI_';
const NAMES = [...Object.keys(OPTIONS), ...Object.keys(COMMAND_OPTIONS)] as AnyOption[];
const KNOWN: ReadonlySet<string> = new Set(NAMES.flatMap(variablesOf));
/** Set by the server for workers and by its supervisor, by tests, and by Kubernetes for a service that is named tsgi. */
const OTHERS =
  /^TSGI_(?:WORKER_INDEX|SUPERVISED|TEST_\w+|SERVICE_(?:HOST|PORT)\w*|PORT_\d+_(?:TCP|UDP|SCTP)\w*)$/;

/** @throws OptionError TSGI_ERR_OPTION for a variable that no option has */
export function checkVariables(env: Readonly<Record<string, string | undefined>>): void {
  for (const name of Object.keys(env)) {
    if (!name.startsWith(PREFIX) || KNOWN.has(name) || OTHERS.test(name)) continue;
    throw new OptionError('TSGI_ERR_OPTION', `Unknown environment variable ${name}: ${remedyFor(name)}`);
  }
}

function remedyFor(name: string): string {
  const known = synonymsOf(name.slice(PREFIX.length)).flatMap((option) => variablesOf(option).slice(0, 1));
  if (known.length > 0) return `did you mean ${known.join(' and ')}?`;
  // Without what all of them have, or everything would be near.
  const words = [...KNOWN].filter((word) => word.startsWith(PREFIX)).map((word) => word.slice(PREFIX.length));
  const nearest = nearestOf(name.slice(PREFIX.length), words);
  return nearest === undefined
    ? 'no option has it; remove it, or see docs/options.md for those that there are'
    : `did you mean ${PREFIX}${nearest}?`;
}
