/**
 * The message for wrong arguments.
 *
 * Law: text only.
 */

import { remedyFor } from './misread-flags.ts';

/** Commander's text and its suggestion, which may be on a second line, as one line with a remedy. */
export function usageError(text: string): string {
  const [what = '', suggestion] = text
    .replace(/^error: /, '')
    .trim()
    .split('\n');
  const remedy =
    remedyFor(what) ?? suggestion?.replace(/^\(D(.*)\)$/, 'd$1') ?? 'tsgi-threads --help lists all options';
  return `${what.replace(/\.$/, '')}; ${remedy}`;
}
