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
import { SUPERVISED } from '../supervisor/parent-messages.ts';

/** Between a process and its children: what a file says of these would make the process that serves mute. */
const PRIVATE = new Set(['NODE_CHANNEL_FD', 'NODE_CHANNEL_SERIALIZATION_MODE', 'NODE_UNIQUE_ID', SUPERVISED]);

/** What files of variables came to. */
export interface LoadedVariables {
  /** Names that were set. */
  readonly set: ReadonlySet<string>;
  /** Names that no file may set. */
  readonly ignored: readonly string[];
}

/** @throws OptionError TSGI_ERR_OPTION for a file that cannot be read */
export function loadEnvFiles(files: readonly string[]): LoadedVariables {
  // A Map: names such as `constructor` and `__proto__` are no others than these.
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

/** Node's parser gives an ordinary object, which loses a variable of this one name. */
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
