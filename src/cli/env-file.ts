/**
 * `--env-file`: loads files of variables into the environment of this process. Children and worker threads copy it.
 *
 * Law: runs before any other code reads the environment. As with Node's own flag, a later file overrides an earlier one, and
 * variables that are already set override all files.
 *
 * Node also finds that flag after the name of a script. It reads no file then. But if a file does not exist, Node ends the
 * process with 9 and a message of its own. If Node does not find the flag, this file reports the error.
 */
import { readFileSync } from 'node:fs';
import { parseEnv } from 'node:util';
import { OptionError } from '../errors.ts';
import { SUPERVISED } from '../supervisor/parent-messages.ts';

/** Variables that Node uses between a process and its children. A file that sets them would cut off the serving process. */
const PRIVATE = new Set(['NODE_CHANNEL_FD', 'NODE_CHANNEL_SERIALIZATION_MODE', 'NODE_UNIQUE_ID', SUPERVISED]);

/** The result of loading the files. */
export interface LoadedVariables {
  /** Names that were set. */
  readonly set: ReadonlySet<string>;
  /** Names that no file may set. */
  readonly ignored: readonly string[];
}

/** @throws OptionError TSGI_ERR_OPTION for a file that cannot be read */
export function loadEnvFiles(files: readonly string[]): LoadedVariables {
  // A Map, so that names such as `constructor` and `__proto__` are ordinary names.
  const variables = new Map(files.flatMap((file) => parse(read(file))));
  const set = new Set<string>();
  const ignored: string[] = [];
  for (const [name, value] of variables) {
    if (PRIVATE.has(name)) ignored.push(name);
    else if (!Object.hasOwn(process.env, name)) {
      process.env[name] = value;
      set.add(name);
    }
  }
  return { set, ignored };
}

const PROTO = '__proto__';
const STAND_IN = 'TSGI_STANDS_FOR_PROTO';

/** Node's parser returns an ordinary object, which cannot hold a variable named `__proto__`. */
function parse(text: string): [string, string][] {
  const parsed = parseEnv(
    text.replaceAll(/^([ \t]*(?:export[ \t]+)?)__proto__(?=[ \t]*=)/gm, `$1${STAND_IN}`),
  );
  const proto = (words: string) => words.replaceAll(STAND_IN, PROTO);
  return Object.entries(parsed).map(([name, value]) => [proto(name), proto(value ?? '')]);
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
