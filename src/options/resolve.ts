/**
 * Flags, properties and environment variables → every option with its value.
 *
 * Law: `table.ts` defines the options; this file checks values and fills in defaults. Precedence: flag or property, then
 * environment, then default.
 */
import { OptionError } from '../errors.ts';
import { checkVariables } from './environment.ts';
import { nearestOf } from './nearest.ts';
import { type AnyOption, flagOf, rowOf, showNumber, variablesOf } from './show.ts';
import { synonymsOf } from './synonyms.ts';
import {
  type OptionName,
  OPTIONS,
  type CommandOptionName,
  type CommandOptions,
  type OptionValue,
  type ResolvedOptions,
} from './table.ts';
import { GIB, HOURS, KIB, MIB, MINUTES, MS, SECONDS } from '../units.ts';
import { detectThreads } from './detect-threads.ts';

type NumberKind = 'count' | 'bytes' | 'time' | 'threads';

const EVERY_IPV4_ADDRESS = '0.0.0.0';

const NAMES = Object.keys(OPTIONS) as OptionName[];

type Environment = Readonly<Record<string, string | undefined>>;

export interface Resolution {
  readonly options: ResolvedOptions;
  /**
   * The options that a flag, a property or a `TSGI_` variable sets. An option that has its value from `PORT` is not among
   * them, because `PORT` decides nothing for a program that listens by itself.
   */
  readonly given: ReadonlySet<OptionName>;
}

/**
 * Checks the options, and fills in the environment and the defaults.
 *
 * @throws OptionError TSGI_ERR_OPTION that names the option, its value and the allowed values
 */
export function resolveOptions(given: Readonly<Record<string, unknown>>, env: Environment): Resolution {
  checkVariables(env);
  for (const name of Object.keys(given)) if (!(name in OPTIONS)) throw unknownOption(name);
  const resolved: Record<string, OptionValue> = {};
  const decided = new Set<OptionName>();
  for (const name of NAMES) {
    // threads 'auto' leaves the number to the environment.
    const isOpen = name === 'threads' && given[name] === 'auto';
    const value = givenValue(name, isOpen ? undefined : given[name], env);
    if (value !== undefined) decided.add(name);
    resolved[name] = value ?? platformValue(name, env) ?? defaultOf(name);
  }
  return { options: resolved as unknown as ResolvedOptions, given: decided };
}

/** Resolves the options that only the command line has. `resolveOptions` resolves all others. */
export function resolveCommandOptions(
  given: Readonly<Record<string, unknown>>,
  env: Environment,
): CommandOptions {
  const resolve = (name: CommandOptionName) => givenValue(name, given[name], env) ?? defaultOf(name);
  return {
    supervise: resolve('supervise') as boolean | 'auto',
    watch: resolve('watch') as boolean,
    watchdogTimeout: resolve('watchdogTimeout') as number,
  };
}

/** The value from the flag, the property or the variable. Undefined: none of them is set. */
function givenValue(name: AnyOption, given: unknown, env: Environment): OptionValue | undefined {
  if (given !== undefined) return parse(name, given, flagOf(name));
  const [variable] = variablesOf(name);
  const text = variable === undefined ? '' : (env[variable] ?? '');
  if (text === '') return undefined;
  const isList = rowOf(name).kind === 'list';
  return parse(name, isList ? text.split(',').map((item) => item.trim()) : text, variable!);
}

/** The value from `PORT`. Hosting platforms set it, and connect from outside, so it also sets the host. */
function platformValue(name: OptionName, env: Environment): OptionValue | undefined {
  const { PORT = '' } = env;
  if (PORT === '') return undefined;
  if (name === 'host') return EVERY_IPV4_ADDRESS;
  return name === 'port' ? parse(name, PORT, 'PORT') : undefined;
}

function defaultOf(name: AnyOption): OptionValue {
  const row = rowOf(name);
  return row.kind === 'threads' ? detectThreads().threads : row.default;
}

/** @param source the flag or variable that an error names */
function parse(name: AnyOption, value: unknown, source: string): OptionValue {
  const row = rowOf(name);
  if (row.kind === 'list') {
    const items: unknown[] = Array.isArray(value) ? value : [value];
    if (items.every((item) => typeof item === 'string' && item !== '')) return items as string[];
    throw badValue(name, source, value, `the name of a ${row.item}, or several`);
  }
  if (row.kind === 'choice') {
    if (row.choices!.includes(value as string)) return value as string;
    throw badValue(name, source, value, oneOf(row.choices!, String(value)));
  }
  if (row.kind === 'text') {
    if (typeof value === 'string' && value !== '' && row.pattern?.test(value) !== false) return value;
    throw badValue(name, source, value, row.looks ?? 'a text');
  }
  if (row.kind === 'flag') {
    const flag = FLAGS.get(value);
    if (flag !== undefined) return flag;
    throw badValue(name, source, value, 'true or false');
  }
  if (row.kind === 'threads' && value === 'auto') return detectThreads().threads;
  const number = typeof value === 'number' ? value : parseNumber(row.kind, value);
  const { min = 0, max = row.kind === 'time' ? 24 * HOURS : Number.MAX_SAFE_INTEGER } = row;
  if (Number.isSafeInteger(number) && number >= min && number <= max) return number;
  throw badValue(name, source, value, allowed(row.kind, min, max));
}

const FLAGS: ReadonlyMap<unknown, boolean> = new Map<unknown, boolean>([
  [true, true],
  ['true', true],
  ['1', true],
  [false, false],
  ['false', false],
  ['0', false],
]);

const UNITS: Record<NumberKind, Readonly<Record<string, number>>> = {
  count: { '': 1 },
  threads: { '': 1 },
  bytes: {
    '': 1,
    b: 1,
    kb: 1000,
    mb: 1_000_000,
    gb: 1_000_000_000,
    kib: KIB,
    k: KIB,
    mib: MIB,
    m: MIB,
    gib: GIB,
    g: GIB,
  },
  time: { '': MS, ms: MS, s: SECONDS, m: MINUTES, min: MINUTES, h: HOURS },
};

function parseNumber(kind: NumberKind, value: unknown): number {
  if (typeof value !== 'string') return Number.NaN;
  const isWhole = kind === 'count' || kind === 'threads';
  const match = (isWhole ? /^\s*(\d+)()\s*$/ : /^\s*(\d+(?:\.\d+)?)\s*([a-z]*)\s*$/i).exec(value);
  const unit = match === null ? undefined : UNITS[kind][match[2]!.toLowerCase()];
  return unit === undefined ? Number.NaN : Number(match![1]) * unit;
}

/** `a, b or c`, and the nearest of them to `value`. */
function oneOf(choices: readonly string[], value: string): string {
  const nearest = nearestOf(value, choices);
  const hint = nearest === undefined ? '' : `; did you mean ${nearest}?`;
  return `${choices.slice(0, -1).join(', ')} or ${choices.at(-1)}${hint}`;
}

function allowed(kind: NumberKind, min: number, max: number): string {
  const top = max === Number.MAX_SAFE_INTEGER ? ' or more' : ` to ${showNumber(kind, max)}`;
  const what = {
    bytes: 'a size such as 10MiB',
    time: 'a time such as 30s',
    count: 'a whole number',
    threads: "'auto' or a whole number",
  }[kind];
  return `${what}, ${showNumber(kind, min)}${top}`;
}

/** The usual cause is an unset shell variable in a flag. An empty `TSGI_` variable never gets here: it counts as unset. */
const EMPTY = '; give it a value, or leave it out for the default (is a variable of your shell empty?)';

function badValue(name: AnyOption, source: string, value: unknown, what: string): OptionError {
  const shown = shownValue(value);
  return new OptionError(
    'TSGI_ERR_OPTION',
    `Option ${name} (${source}) is invalid: ${shown}; it takes ${what}${value === '' ? EMPTY : ''}`,
  );
}

function shownValue(value: unknown): string {
  try {
    return JSON.stringify(value) ?? String(value);
  } catch {
    // A bigint, or an object with a cycle.
    return String(value);
  }
}

function unknownOption(name: string): OptionError {
  const nearest = synonymsOf(name).join(' and ') || nearestOf(name, NAMES);
  const hint =
    nearest === undefined ? 'see the options in docs/reference/options.md' : `did you mean ${nearest}?`;
  return new OptionError('TSGI_ERR_OPTION', `Unknown option ${name}: ${hint}`);
}
