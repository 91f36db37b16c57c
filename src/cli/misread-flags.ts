/**
 * Mistakes on a command line that commander would misunderstand.
 *
 * Law: examines arguments; knows the options table and starts nothing.
 */
import { OptionError } from '../errors.ts';
import { type AnyOption, flagOf, rowOf } from '../options/show.ts';
import { synonymsOf } from '../options/synonyms.ts';
import { COMMAND_OPTIONS, OPTIONS } from '../options/table.ts';

const FLAGS = ([...Object.keys(OPTIONS), ...Object.keys(COMMAND_OPTIONS)] as AnyOption[]).filter(
  (name) => rowOf(name).kind === 'flag',
);
const VALUES = /^(?:true|false|yes|no|on|off|0|1)$/i;

/**
 * Rejects a flag with a value, such as `--watch=true` or `--validate false`.
 *
 * @throws OptionError TSGI_ERR_OPTION
 */
export function checkFlags(args: readonly string[]): void {
  args.forEach((arg, index) => {
    const name = FLAGS.find((option) => new RegExp(`^--(?:no-)?${flagOf(option).slice(2)}(?:=|$)`).test(arg));
    if (name === undefined) return;
    const next = args[index + 1];
    const value = arg.includes('=') ? arg : next !== undefined && VALUES.test(next) ? `${arg} ${next}` : '';
    if (value === '') return;
    const off =
      rowOf(name).default === 'auto' ? `--no-${flagOf(name).slice(2)} to turn it off` : 'leave it out';
    throw new OptionError(
      'TSGI_ERR_OPTION',
      `Option ${name} (${value}) is invalid: it takes no value; write ${flagOf(name)} to turn it on, or ${off}`,
    );
  });
}

/** A remedy for an unknown flag: the names of similar options. Undefined if there are none. */
export function remedyFor(error: string): string | undefined {
  const [, name] = /unknown option '--?([a-z][a-z-]*)/i.exec(error) ?? [];
  const flags = synonymsOf(name ?? '').map(flagOf);
  return flags.length === 0 ? undefined : `did you mean ${flags.join(' and ')}?`;
}
