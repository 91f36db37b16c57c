#!/usr/bin/env node
/**
 * The command line: arguments → options → a server, and its life on a terminal.
 *
 * Law: the only file with the console, signals and process.exit. Flags and help come from the options table.
 * The ready line goes to standard output, like every development server's; everything else to standard error.
 */
import path from 'node:path';
import { Command, CommanderError, Option } from 'commander';
import { OptionError } from './errors.ts';
import { flagOf, OPTIONS, type OptionName, rowOf, showDefault, variableOf } from './options.ts';
import { createServer, type Server } from './server.ts';
import { VERSION } from './version.ts';

const EXIT = { failure: 1, usage: 2, signal: 128 };
const SIGNALS = { SIGINT: 2, SIGTERM: 15, SIGQUIT: 3 } as const;
/** Shown in `--help` of its own accord; the rest is under a heading of its group. */
const VALUE_NAMES = {
  count: 'number',
  bytes: 'size',
  time: 'time',
  text: 'text',
  threads: 'number',
} as const;

function command(): Command {
  const program = new Command('tsgi-threads')
    .description('Serves an application from worker threads: tsgi-threads app.ts')
    .argument(
      '<app>',
      'the application: a .ts, .tsx, .mts, .cts, .js, .jsx, .mjs or .cjs file; file:name for another export, file:name() for a factory',
    )
    .version(VERSION, '-v, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .showSuggestionAfterError()
    .exitOverride()
    .configureOutput({ outputError: (text, write) => write(`tsgi-threads: ${text.replace(/^error: /, '')}`) })
    .addHelpText('after', help);
  for (const name of Object.keys(OPTIONS) as OptionName[]) program.addOption(flag(name));
  return program;
}

const SHORT: Partial<Record<OptionName, string>> = { port: '-p', threads: '-t' };

function flag(name: OptionName): Option {
  const row = rowOf(name);
  const short = SHORT[name] === undefined ? '' : `${SHORT[name]}, `;
  const option =
    row.kind === 'flag'
      ? new Option(`${short}${flagOf(name)}`, row.help)
      : new Option(
          `${short}${flagOf(name)} <${VALUE_NAMES[row.kind]}>`,
          `${row.help} (default: ${showDefault(name)})`,
        );
  return option.helpGroup(`${row.group}:`);
}

const help = `
Sizes are bytes or carry a unit (64KiB, 10MiB); times are milliseconds or carry one (500ms, 30s, 2m).
Every option is also an environment variable: ${variableOf('maxBodySize')}=20MiB; PORT is understood as well.

Examples:
  tsgi-threads app.ts                      serve on http://127.0.0.1:8000, one worker a core
  tsgi-threads app.ts --threads 4 --port 80 --host 0.0.0.0
  tsgi-threads app.ts:admin                serve the export named admin
  tsgi-threads app.ts --threads 0          run the application in the main thread, for a debugger`;

async function main(): Promise<void> {
  const program = command();
  program.parse();
  const app = program.args[0]!;
  const { threads, ...options } = program.opts<Record<string, string>>();
  const started = performance.now();
  const server = createServer(threads === undefined ? undefined : threadsOf(threads), {
    ...options,
    app,
    logger,
  });
  process.once('SIGINT', () => close(server, 'SIGINT'));
  process.once('SIGTERM', () => close(server, 'SIGTERM'));
  process.on('SIGHUP', () => hangUp(server));
  process.once('SIGQUIT', () => process.exit(EXIT.signal + SIGNALS.SIGQUIT));
  server.on('error', fail);
  await server.listen();
  const milliseconds = Math.round(performance.now() - started);
  const workers = server.threads === 1 ? '1 worker' : `${server.threads} workers`;
  const where = server.threads === 0 ? 'the main thread' : workers;
  console.log(
    `tsgi-threads ${VERSION} listening on ${server.url} with ${where}, ready in ${milliseconds} ms (${path.basename(app)})`,
  );
}

const logger = {
  error: (text: string) => console.error(text),
  warn: (text: string) => console.error(text),
  info: (text: string) => console.error(text),
};

/** A number stays what the user wrote when it is none, so that the error can show it. */
function threadsOf(text: string): number | 'auto' {
  return text === 'auto' || Number.isNaN(Number(text)) ? (text as 'auto') : Number(text);
}

/** On a terminal it is gone: close. A service is told to load its application anew. */
function hangUp(server: Server): void {
  if (process.stdout.isTTY || server.threads === 0) return close(server, 'SIGTERM');
  const started = performance.now();
  console.error('tsgi-threads: SIGHUP received: loading the application anew');
  server.reload().then(
    () => console.error(`tsgi-threads: reloaded in ${Math.round(performance.now() - started)} ms`),
    (error) => console.error(`tsgi-threads: not reloaded, the old code goes on: ${describe(error)}`),
  );
}

/** The first signal closes gracefully, the second ends it now. */
function close(server: Server, signal: keyof typeof SIGNALS): void {
  for (const other of ['SIGINT', 'SIGTERM'] as const)
    process.on(other, () => process.exit(EXIT.signal + SIGNALS[other]));
  console.error(`tsgi-threads: ${signal} received: answering what is in flight; again to end now`);
  server.close().then(
    () => process.exit(0),
    (error) => fail(error),
  );
}

function fail(error: unknown): never {
  if (error instanceof CommanderError) process.exit(error.exitCode === 0 ? 0 : EXIT.usage);
  console.error(`tsgi-threads: ${describe(error)}`);
  process.exit(error instanceof OptionError && error.code === 'TSGI_ERR_OPTION' ? EXIT.usage : EXIT.failure);
}

/** Ours in one line; an application that threw while it loaded is shown with its own frames. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (!(error instanceof OptionError)) return error.stack ?? error.message;
  if (error.code !== 'TSGI_ERR_APP_LOAD') return error.message;
  const frames = (error.stack ?? '')
    .split('\n')
    .filter((line) => /^\s+at /.test(line) && !/node:internal|[/\\]dist[/\\]worker/.test(line));
  return [error.message, ...frames.slice(0, 5)].join('\n');
}

main().catch(fail);
