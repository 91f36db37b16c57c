/**
 * The application of a server, and the task with which workers start.
 *
 * Law: compiles and describes; starts no worker. Enters the working directory, because a path and a thread both need an
 * existing one.
 */
import { existsSync } from 'node:fs';
import { compileProgram, NO_PROGRAM, type TypeScriptProgram } from '../compile/typescript-program.ts';
import { OptionError } from '../errors.ts';
import type { Logger } from './logger.ts';
import { openOutputs, unblockOutputs } from '../output.ts';
import type { ResolvedOptions } from '../options/table.ts';
import type { CommonTask } from '../pool/incarnation.ts';
import type { ServerOptions } from './server-api.ts';
import { VERSION } from '../version.ts';
import { WorkingDirectory } from '../working-directory.ts';

export interface ApplicationParts {
  readonly app: ServerOptions['app'];
  readonly args: readonly string[];
  /** A relative path is resolved against the working directory, and then against this folder. */
  readonly callerFolder: string | undefined;
  /** The application is compiled again when one of its files changes. */
  readonly watch: boolean;
  /** The process has no other work than this server. */
  readonly ownsProcess: boolean;
  readonly options: ResolvedOptions;
  readonly requestIdPrefix: string;
  readonly log: Logger;
}

export class ServerApplication {
  readonly #parts: ApplicationParts;
  readonly #folders: readonly string[];
  readonly #directory: WorkingDirectory = new WorkingDirectory();
  /** Source files of the application, as far as the last compilation reached them. */
  files: ReadonlySet<string> = new Set();

  /** @throws OptionError TSGI_ERR_OPTION for an application that cannot be sent to worker threads */
  constructor(parts: ApplicationParts) {
    const { app, args, callerFolder, options } = parts;
    this.#parts = parts;
    this.#folders = [this.#directory.path, ...(callerFolder === undefined ? [] : [callerFolder])];
    if (app === undefined)
      throw new OptionError('TSGI_ERR_OPTION', 'Option app is missing. Pass the path of the application');
    if (this.file === null && options.threads !== 0) throw notMovable(app);
    if (!Array.isArray(args) || args.some((item) => typeof item !== 'string'))
      throw new OptionError(
        'TSGI_ERR_OPTION',
        "Option args is invalid: it must be an array of strings, as in ['--verbose']",
      );
  }

  /** The application's path or URL. Null if the application is an object of this thread. */
  get file(): string | URL | null {
    const { app } = this.#parts;
    return typeof app === 'string' || app instanceof URL ? app : null;
  }

  /** @throws OptionError if the application cannot be found or compiled */
  async compile(): Promise<CommonTask> {
    this.enterDirectory();
    const reached = new Set<string>();
    this.files = reached;
    const named = this.file === null ? null : { app: this.file, folders: this.#folders };
    const { options, watch } = this.#parts;
    const { import: imports, cacheDir } = options;
    const program = await compileProgram(named, { imports, cacheDir, watch }, reached);
    // The start of esbuild's process has cleared O_NONBLOCK, because that process inherited standard error.
    unblockOutputs();
    for (const warning of program.warnings) this.#parts.log.warn(warning);
    return this.#task(program, '');
  }

  /**
   * Returns the task. If the compiled file that it names was deleted, compiles the application again. If that fails, a
   * worker's start fails and is repeated.
   */
  async renew(task: CommonTask): Promise<CommonTask> {
    const { application } = task;
    if (typeof application !== 'string' || application === '' || existsSync(new URL(application)))
      return task;
    return this.compile().catch(() => task);
  }

  /** A task that answers every request with a description of the application's problem. */
  showing(problem: string): CommonTask {
    return this.#task(NO_PROGRAM, problem);
  }

  /** Enters the working directory again if a deployment has deleted it and created it again. */
  enterDirectory(): void {
    const line = this.#directory.enter();
    if (line !== undefined) this.#parts.log.warn(line);
  }

  #task({ url, warnings: _, ...program }: TypeScriptProgram, problem: string): CommonTask {
    const { app, args, ownsProcess, options, requestIdPrefix } = this.#parts;
    const application = this.file === null ? app : url;
    const context = {
      software: `tsgi-threads/${VERSION}`,
      multithread: options.threads > 1,
      multiprocess: false,
      concurrent: options.concurrency > 1,
      blockingInput: options.threads > 0,
      requestIdPrefix,
    };
    const descriptors = openOutputs();
    return { ...options, ...program, application, args, ownsProcess, problem, context, descriptors };
  }
}

function notMovable(app: unknown): OptionError {
  const what = typeof app === 'object' ? 'an object' : `a ${typeof app}`;
  return new OptionError(
    'TSGI_ERR_OPTION',
    `Option app is ${what}, which cannot be sent to another thread. Export it from a file and pass its path, or use 0 threads`,
  );
}
