/**
 * What is told of arguments that are wrong.
 *
 * Law: text alone.
 */

import { remedyFor } from './misread-flags.ts';

/** Commander's text, which may have its suggestion on a second line, in one line with a remedy. */
export function usageError(text: string): string {
  const [what = '', suggestion] = text
    .replace(/^error: /, '')
    .trim()
    .split('\n');
  const remedy =
    remedyFor(what) ?? suggestion?.replace(/^\(D(.*)\)$/, 'd$1') ?? 'tsgi-threads --help lists what there is';
  return `${what.replace(/\.$/, '')}; ${remedy}`;
}
