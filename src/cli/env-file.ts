/**
 * `--env-file`: files of variables → the environment of this process, which children and worker threads copy.
 *
 * Law: before anything else reads the environment. As node's own flag: a later file wins over an earlier one, and what
 * is set already over all of them. Node looks for that flag also behind a script's name, and reads nothing then, but ends
 * the process with 9 and a line of its own when there is no such file; where it does not look, it is told here.
 */
import { readFileSync } from 'node:fs';
import { parseEnv } from 'node:util';
import { OptionError } from '../errors.ts';

/** @throws OptionError TSGI_ERR_OPTION for a file that cannot be read */
export function loadEnvFiles(files: readonly string[]): void {
  const variables: Record<string, string> = Object.assign({}, ...files.map((file) => parseEnv(read(file))));
  for (const [name, value] of Object.entries(variables)) process.env[name] ??= value;
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const why = code === 'ENOENT' ? 'there is no such file' : message;
    throw new OptionError(
      'TSGI_ERR_OPTION',
      `Option envFile (--env-file) is invalid: ${JSON.stringify(file)}; ${why}`,
      { cause: error },
    );
  }
}
