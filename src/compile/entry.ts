/**
 * Checks whether a file can be an application.
 *
 * Law: checks names and existence; reads no file.
 */
import { existsSync, statSync } from 'node:fs';
import path from 'node:path';
import { OptionError } from '../errors.ts';
import { isProgram, isUserFile } from './format.ts';

/** @throws OptionError TSGI_ERR_APP_NOT_FOUND if the file cannot be an application */
export function checkEntry(file: string): void {
  const shown = path.relative(process.cwd(), file) || '.';
  if (!existsSync(file)) {
    throw new OptionError('TSGI_ERR_APP_NOT_FOUND', `Cannot find the application: ${shown} does not exist`);
  }
  if (statSync(file).isDirectory())
    throw new OptionError(
      'TSGI_ERR_APP_NOT_FOUND',
      `Cannot use ${shown} as the application: it is a folder; give a file in it`,
    );
  if (!statSync(file).isFile() || !(isUserFile(file) || isProgram(file)) || file.endsWith('.json')) {
    const endings = '.ts .tsx .mts .cts .js .jsx .mjs .cjs';
    throw new OptionError(
      'TSGI_ERR_APP_NOT_FOUND',
      `Cannot use ${shown} as the application: give a file that ends with one of ${endings}`,
    );
  }
}
