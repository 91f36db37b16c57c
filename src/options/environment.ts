/**
 * Rejects environment variables that begin with `TSGI_` and belong to no option.
 *
 * Law: reads names. `resolve.ts` reads values.
 */
import { OptionError } from '../errors.ts';
import { nearestOf } from './nearest.ts';
import { type AnyOption, variablesOf } from './show.ts';
import { synonymsOf } from './synonyms.ts';
import { COMMAND_OPTIONS, OPTIONS } from './table.ts';

const PREFIX = 'TSGI_';
const NAMES = [...Object.keys(OPTIONS), ...Object.keys(COMMAND_OPTIONS)] as AnyOption[];
const KNOWN: ReadonlySet<string> = new Set(NAMES.flatMap(variablesOf));
/** Variables that the server, its supervisor and its tests set, and variables of Kubernetes for a service named tsgi. */
const OTHERS =
  /^TSGI_(?:WORKER_INDEX|SUPERVISED|TEST_\w+|SERVICE_(?:HOST|PORT)\w*|PORT_\d+_(?:TCP|UDP|SCTP)\w*)$/;

/** @throws OptionError TSGI_ERR_OPTION for a variable that belongs to no option */
export function checkVariables(env: Readonly<Record<string, string | undefined>>): void {
  for (const name of Object.keys(env)) {
    if (!name.startsWith(PREFIX) || KNOWN.has(name) || OTHERS.test(name)) continue;
    throw new OptionError('TSGI_ERR_OPTION', `Unknown environment variable ${name}: ${remedyFor(name)}`);
  }
}

function remedyFor(name: string): string {
  const known = synonymsOf(name.slice(PREFIX.length)).flatMap((option) => variablesOf(option).slice(0, 1));
  if (known.length > 0) return `did you mean ${known.join(' and ')}?`;
  // The common prefix is cut off: with it, every name would be near.
  const words = [...KNOWN].filter((word) => word.startsWith(PREFIX)).map((word) => word.slice(PREFIX.length));
  const nearest = nearestOf(name.slice(PREFIX.length), words);
  return nearest === undefined
    ? 'no option has it; remove it, or see the list of variables in docs/reference/options.md'
    : `did you mean ${PREFIX}${nearest}?`;
}
