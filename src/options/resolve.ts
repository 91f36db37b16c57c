/**
 * What is given → every option with its value.
 *
 * Law: the table says what an option is (`table.ts`); this file checks and fills in. Precedence: what is given (a flag,
 * a property) > environment > default.
 */
import { OptionError } from '../errors.ts';
import { nearestOf } from './nearest.ts';
import { type AnyOption, flagOf, rowOf, showNumber, variableOf } from './show.ts';
import {
  HOURS,
  type Kind,
  KIB,
  MIB,
  MINUTES,
  MS,
  type OptionName,
  OPTIONS,
  type CommandOptions,
  type OptionValue,
  type ResolvedOptions,
  SECONDS,
} from './table.ts';
import { detectThreads } from './threads.ts';

const NAMES = Object.keys(OPTIONS) as OptionName[];

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Fills in environment and defaults.
 *
 * @throws OptionError TSGI_ERR_OPTION that names the option, its value and what is allowed
 */
export function resolveOptions(given: Readonly<Record<string, unknown>>, env: Environment): ResolvedOptions {
  for (const name of Object.keys(given)) if (!(name in OPTIONS)) throw unknownOption(name);
  const resolved: Record<string, OptionValue> = {};
  for (const name of NAMES) resolved[name] = resolveOne(name, given[name], env);
  return resolved as unknown as ResolvedOptions;
}

/** Those that the command line has for itself; `threads` and its like are `resolveOptions`'. */
export function resolveCommandOptions(
  given: Readonly<Record<string, unknown>>,
  env: Environment,
): CommandOptions {
  return {
    supervise: resolveOne('supervise', given.supervise, env) as boolean | 'auto',
    watch: resolveOne('watch', given.watch, env) as boolean,
  };
}

function resolveOne(name: AnyOption, given: unknown, env: Environment): OptionValue {
  if (given !== undefined) return parse(name, given, flagOf(name));
  const row = rowOf(name);
  const variables = row.env === undefined ? [variableOf(name)] : [variableOf(name), row.env];
  const variable = variables.find((candidate) => env[candidate] !== undefined && env[candidate] !== '');
  if (variable !== undefined) return parse(name, env[variable], variable);
  // A platform that gives PORT routes to it from outside.
  if (name === 'host' && env.PORT !== undefined && env.PORT !== '') return '0.0.0.0';
  return row.kind === 'threads' ? detectThreads().threads : row.default;
}

/** @param source how the user may have called it: a flag, a variable */
function parse(name: AnyOption, value: unknown, source: string): OptionValue {
  const row = rowOf(name);
  if (row.kind === 'text') {
    if (typeof value === 'string' && value !== '') return value;
    throw badValue(name, source, value, 'a text');
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

const UNITS: Record<Kind, Readonly<Record<string, number>>> = {
  count: { '': 1 },
  threads: { '': 1 },
  text: {},
  flag: {},
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
    gib: KIB * MIB,
    g: KIB * MIB,
  },
  time: { '': MS, ms: MS, s: SECONDS, m: MINUTES, min: MINUTES, h: HOURS },
};

function parseNumber(kind: Kind, value: unknown): number {
  const match = /^\s*(\d+(?:\.\d+)?)\s*([a-z]*)\s*$/i.exec(String(value));
  const unit = match === null ? undefined : UNITS[kind][match[2]!.toLowerCase()];
  return unit === undefined ? Number.NaN : Number(match![1]) * unit;
}

function allowed(kind: Kind, min: number, max: number): string {
  const top = max === Number.MAX_SAFE_INTEGER ? ' or more' : ` to ${showNumber(kind, max)}`;
  const what = {
    bytes: 'a size such as 10MiB',
    time: 'a time such as 30s',
    count: 'a whole number',
    threads: "'auto' or a whole number",
    text: 'a text',
    flag: 'true or false',
  }[kind];
  return `${what}, ${showNumber(kind, min)}${top}`;
}

function badValue(name: AnyOption, source: string, value: unknown, what: string): OptionError {
  const shown = JSON.stringify(value) ?? String(value);
  return new OptionError(
    'TSGI_ERR_OPTION',
    `Option ${name} (${source}) is invalid: ${shown}; it takes ${what}`,
  );
}

function unknownOption(name: string): OptionError {
  const nearest = nearestOf(name, NAMES);
  const hint = nearest === undefined ? 'see the options in docs/options.md' : `did you mean ${nearest}?`;
  return new OptionError('TSGI_ERR_OPTION', `Unknown option ${name}: ${hint}`);
}
