/**
 * The command line. Its arguments start the serving process, a supervisor for it, or a build.
 *
 * Law: only the files of this folder use the console, signals and process.exit. The ready line goes to standard output.
 * Everything else goes to standard error.
 */
import { type Arguments, readArguments } from './command.ts';
import { fail, tell } from './exit.ts';
import { takeCommandOutput } from './command-output.ts';
import { OptionError } from '../errors.ts';
import { ListeningSocket } from '../supervisor/listening-socket.ts';
import { ParentLink } from '../supervisor/parent-link.ts';

export async function main(): Promise<void> {
  try {
    await run();
  } catch (error) {
    fail(error);
  }
}

async function run(): Promise<void> {
  takeCommandOutput();
  if (process.argv[2] === 'build') {
    const { build } = await import('./build-command.ts');
    return build(process.argv.slice(3));
  }
  const parent = ParentLink.open();
  const args = readArguments(parent !== null);
  if (args.command.watch && args.options.threads === 0) {
    throw new OptionError(
      'TSGI_ERR_OPTION',
      'Option watch (--watch) needs worker threads: with --threads 0 the application runs in the main thread',
    );
  }
  if (parent === null && supervises(args)) {
    const { supervise } = await import('./supervise.ts');
    return supervise(args);
  }
  if (args.setByFiles.has('NODE_OPTIONS'))
    tell(
      'NODE_OPTIONS in a file of --env-file has no effect here, because Node has already started. Set it in the environment, or use --supervise',
    );
  // Imported late: a supervisor needs nothing of the server, and errors in flags appear sooner.
  const { serve } = await import('./serve.ts');
  await serve(args, parent);
}

/** Whether a supervisor runs. Without an option, it runs unless it would be in the way. */
function supervises({ command, options }: Arguments): boolean {
  if (command.supervise !== 'auto') return command.supervise;
  const debugged = [...process.execArgv, process.env.NODE_OPTIONS ?? ''].some((text) =>
    text.includes('--inspect'),
  );
  return options.threads > 0 && !command.watch && !debugged && ListeningSocket.possible;
}
