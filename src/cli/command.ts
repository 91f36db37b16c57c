/**
 * Reads the arguments: what to serve, and how.
 *
 * Law: flags and help come from the options table. Knows commander; starts nothing. Loads the files of `--env-file` before it
 * reads the environment.
 */
import { Command, Option } from 'commander';
import { resolveCommandOptions, resolveOptions } from '../options/resolve.ts';
import { type AnyOption, flagOf, rowOf, showDefault, variablesOf } from '../options/show.ts';
import {
  COMMAND_OPTIONS,
  type CommandOptions,
  type OptionKind,
  OPTIONS,
  type ResolvedOptions,
} from '../options/table.ts';
import { VERSION } from '../version.ts';
import { loadEnvFiles } from './env-file.ts';
import { tell } from './exit.ts';
import { usageError } from './usage-error.ts';
import { checkFlags } from './misread-flags.ts';

export interface Arguments {
  /** The application, as written on the command line. */
  readonly app: string;
  /** The arguments of a program. It finds them in process.argv. */
  readonly args: readonly string[];
  /** The options of the command line, checked, for `Server`. */
  readonly given: Readonly<Record<string, string | number | readonly string[]>>;
  readonly options: ResolvedOptions;
  readonly command: CommandOptions;
  /** Variables that files of `--env-file` have set. */
  readonly setByFiles: ReadonlySet<string>;
}

const VALUE_NAMES: Partial<Record<OptionKind, string>> = {
  count: 'number',
  bytes: 'size',
  time: 'time',
  text: 'text',
  threads: 'number',
  choice: 'name',
};

const SHORT: Partial<Record<AnyOption, string>> = { port: '-p', threads: '-t' };

/** The flags as commander returns them. The flag of a list has all its values. */
interface Flags {
  readonly threads?: string;
  readonly envFile?: string[];
  readonly supervise?: boolean;
  readonly watch?: boolean;
  readonly [name: string]: string | string[] | boolean | undefined;
}

/**
 * @param supervised the parent has read the files of `--env-file`, so this process inherits their variables
 * @throws CommanderError for wrong arguments, and after --help and --version
 * @throws OptionError TSGI_ERR_OPTION
 */
export function readArguments(supervised: boolean): Arguments {
  const program = command();
  const behind = process.argv.indexOf('--');
  const line = behind === -1 ? process.argv : process.argv.slice(0, behind);
  checkFlags(line.slice(2));
  program.parse(line);
  const {
    threads: threadsGiven,
    envFile,
    supervise,
    watch,
    watchdogTimeout,
    ...given
  } = program.opts<Flags>();
  const loaded = loadEnvFiles(supervised ? [] : (envFile ?? []));
  for (const name of loaded.ignored)
    tell(`${name} in a file of --env-file is ignored: Node uses it between a process and its children`);
  const threads = threadsGiven === undefined ? {} : { threads: threadsOf(threadsGiven) };
  const { options } = resolveOptions({ ...given, ...threads }, process.env);
  return {
    app: program.args[0]!,
    args: behind === -1 ? [] : process.argv.slice(behind + 1),
    given: { ...(given as Arguments['given']), ...threads },
    options,
    setByFiles: loaded.set,
    command: resolveCommandOptions({ supervise, watch, watchdogTimeout }, process.env),
  };
}

function command(): Command {
  const program = new Command('tsgi-threads')
    .description('Serve an application from worker threads: tsgi-threads app.ts')
    .argument(
      '<app>',
      'Application: a .ts, .tsx, .mts, .cts, .js, .jsx, .mjs or .cjs file, or the folder of a build. Use file:name for another export, and file:name() for a factory.',
    )
    .usage('[options] <app> [-- arguments of a program]')
    .version(VERSION, '-v, --version', 'Print the version.')
    .helpOption('-h, --help', 'Print this help.')
    .showSuggestionAfterError()
    .exitOverride()
    .configureOutput({ outputError: (text, write) => write(`tsgi-threads: ${usageError(text)}\n`) })
    .addHelpText('after', help);
  const names = [...Object.keys(OPTIONS), ...Object.keys(COMMAND_OPTIONS)] as AnyOption[];
  for (const name of names) for (const option of flags(name)) program.addOption(option);
  return program;
}

function flags(name: AnyOption): Option[] {
  const row = rowOf(name);
  const flag = `${SHORT[name] === undefined ? '' : `${SHORT[name]}, `}${flagOf(name)}`;
  const shown = row.default === false ? '' : showDefault(name);
  const help = shown === '' ? row.help : `${row.help} Default: ${shown}.`;
  const options = [
    new Option(row.kind === 'flag' ? flag : `${flag} <${row.item ?? VALUE_NAMES[row.kind]}>`, help),
  ];
  if (row.kind === 'list')
    options[0]!.argParser((item, before: string[] | undefined) => [...(before ?? []), item]);
  if (row.helpOff !== undefined) options.push(new Option(`--no-${flagOf(name).slice(2)}`, row.helpOff));
  return options.map((option) => option.helpGroup(`${row.group}:`));
}

const help = `
Sizes are bytes, or a number with a unit (64KiB, 10MiB). Times are milliseconds,
or a number with a unit (500ms, 30s, 2m). Every option except --env-file also
has an environment variable: ${variablesOf('maxBodySize')[0]}=20MiB. PORT also sets the port.

Signals: TERM and INT close gracefully. A second one ends the server at once.
QUIT ends the server at once. HUP loads the application again.

Builds: tsgi-threads build app.ts --out dist-app compiles an application, and
tsgi-threads dist-app serves it. Options: tsgi-threads build --help.

Examples:
  tsgi-threads app.ts                  on 127.0.0.1:8000, one worker per core
  tsgi-threads app.ts --threads 4 --port 80 --host 0.0.0.0
  tsgi-threads app.ts:admin            serve the export named admin
  tsgi-threads app.ts --env-file .env  set variables for server and application
  tsgi-threads server.js -- --verbose  pass an argument to a program
  tsgi-threads app.ts --threads 0      serve in the main thread, for a debugger`;

/** Text that is not a decimal number stays unchanged, so that the error can show it. */
function threadsOf(text: string): number | string {
  return /^-?\d+$/.test(text) ? Number(text) : text;
}
