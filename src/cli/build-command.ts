/**
 * `tsgi-threads build`: compiles an application ahead of time.
 *
 * Law: reads arguments and prints the result. `compile/build-application.ts` does the work.
 */
import { Command, Option } from 'commander';
import { buildApplication } from '../compile/build-application.ts';
import { tell } from './exit.ts';
import { usageError } from './usage-error.ts';

const OUT = 'dist-app';

interface Flags {
  readonly out: string;
  readonly import?: readonly string[];
}

/**
 * @param args the arguments after `build`
 * @throws CommanderError for wrong arguments, and after --help
 * @throws OptionError TSGI_ERR_APP_NOT_FOUND, TSGI_ERR_APP_SYNTAX, TSGI_ERR_BUILD
 */
export async function build(args: readonly string[]): Promise<void> {
  const program = command().parse(args, { from: 'user' });
  const { out, import: imports = [] } = program.opts<Flags>();
  const started = performance.now();
  const { files, warnings } = await buildApplication(program.args[0]!, out, imports);
  for (const warning of warnings) tell(warning);
  const milliseconds = Math.round(performance.now() - started);
  const many = files === 1 ? '1 file' : `${files} files`;
  console.log(
    `tsgi-threads built ${program.args[0]!} into ${out}: ${many} in ${milliseconds} ms. Start it with: tsgi-threads ${out}`,
  );
}

function command(): Command {
  return new Command('tsgi-threads build')
    .description(
      'Compile an application ahead of time. The result starts without a compiler and writes nothing to disk.',
    )
    .argument('<app>', 'Application: a file, file:name for another export, or file:name() for a factory.')
    .usage('[options] <app>')
    .addOption(new Option('--out <folder>', 'Folder for the build.').default(OUT))
    .addOption(
      new Option(
        '--import <module>',
        'Module that every worker loads before the application. Repeatable.',
      ).argParser((item, before: string[] | undefined) => [...(before ?? []), item]),
    )
    .helpOption('-h, --help', 'Print this help.')
    .showSuggestionAfterError()
    .exitOverride()
    .configureOutput({ outputError: (text, write) => write(`tsgi-threads: ${usageError(text)}\n`) });
}
