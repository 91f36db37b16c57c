/**
 * The names of options (flags, variables) and the text of their values (`10MiB`, `30s`).
 *
 * Law: text only.
 */
import {
  COMMAND_OPTIONS,
  type CommandOptionName,
  type OptionKind,
  type OptionName,
  OPTIONS,
  type OptionValue,
  type Row,
} from './table.ts';
import { GIB, KIB, MIB, SECONDS } from '../units.ts';

export type AnyOption = OptionName | CommandOptionName;

export function rowOf(name: AnyOption): Row {
  return name in OPTIONS ? OPTIONS[name as OptionName] : COMMAND_OPTIONS[name as CommandOptionName];
}

/** `maxBodySize` → `--max-body-size`. */
export function flagOf(name: AnyOption): string {
  return `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/** `port` → `TSGI_PORT`, `PORT`. The first variable overrides the second. */
export function variablesOf(name: AnyOption): string[] {
  const { env } = rowOf(name);
  if (env === false) return [];
  const own = `TSGI_${name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`;
  return env === undefined ? [own] : [own, env];
}

/** A default with its unit: `10MiB`, `30s`. Empty for an empty list. */
export function showDefault(name: AnyOption): string {
  const row = rowOf(name);
  return typeof row.default === 'number' ? showNumber(row.kind, row.default) : String(row.default);
}

/** A resolved value with its unit and its flag: `maxBodySize 10MiB (--max-body-size)`. */
export function showOption(name: AnyOption, value: OptionValue): string {
  const shown = typeof value === 'number' ? showNumber(rowOf(name).kind, value) : String(value);
  return `${name} ${shown} (${flagOf(name)})`;
}

export function showNumber(kind: OptionKind, value: number): string {
  if (kind === 'time') return value % SECONDS === 0 ? `${value / SECONDS}s` : `${value}ms`;
  if (kind !== 'bytes') return String(value);
  if (value > 0 && value % GIB === 0) return `${value / GIB}GiB`;
  if (value > 0 && value % MIB === 0) return `${value / MIB}MiB`;
  return value > 0 && value % KIB === 0 ? `${value / KIB}KiB` : `${value}B`;
}
