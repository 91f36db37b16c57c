/**
 * src/options/options.ts, made from the table of options.
 */
import { rowOf, showDefault } from '../../dist/options/show.js';
import { OPTIONS } from '../../dist/options/table.js';

const TYPES = {
  count: 'number',
  bytes: 'Size',
  time: 'Duration',
  text: 'string',
  threads: "number | 'auto'",
  flag: 'boolean',
  list: 'string | readonly string[]',
};

export function optionTypes() {
  return `/**
 * The options of a server, as a program gives them.
 *
 * Law: \`npm run docs\` writes this file from \`table.ts\`. Change the table.
 */
import type { Duration, Size } from '../units.ts';

export interface Options {
${Object.keys(OPTIONS).map(property).join('')}}
`;
}

function property(name) {
  const row = rowOf(name);
  // The help of an option whose default is an empty text explains the default.
  const fallback = row.default === '' ? '' : `   *\n   * @default ${literalOf(name)}\n`;
  return `  /**\n${wrapped(row.help)}${fallback}   */\n  readonly ${name}?: ${typeOf(row)} | undefined;\n`;
}

/** Lines of at most 110 characters. */
function wrapped(text) {
  return text.replaceAll(/(.{1,110})(?: |$)/g, '   * $1\n');
}

/** The default as a program writes it. */
function literalOf(name) {
  const { kind, default: value } = rowOf(name);
  if (kind === 'list') return '[]';
  if (typeof value !== 'number') return typeof value === 'string' ? `'${value}'` : String(value);
  return kind === 'count' || value === 0 ? String(value) : `'${showDefault(name)}'`;
}

function typeOf({ kind, choices }) {
  return kind === 'choice' ? choices.map((choice) => `'${choice}'`).join(' | ') : TYPES[kind];
}
