/**
 * The serving process: a server, on a terminal or under a supervisor.
 *
 * Law: the signals, the console and process.exit of the server. Under a supervisor, only the parent handles the terminal's
 * signals, so that one Ctrl-C counts once. SIGTERM concerns the process that receives it.
 */
import path from 'node:path';
import { Journal } from '../journal.ts';
import { ApplicationError, OptionError } from '../errors.ts';
import { urlOf } from '../server/listening.ts';
import { Server } from '../server/server.ts';
import { JOURNAL_FD } from '../supervisor/parent-messages.ts';
import type { ParentLink } from '../supervisor/parent-link.ts';
import { VERSION } from '../version.ts';
import type { Arguments } from './command.ts';
import { codeOf, describe, EXIT, type Signal, tell, tellClosing, whichSignal } from './exit.ts';
import { flushStdio } from './command-output.ts';
import { hasLostTerminal, isOnTerminal } from './terminal.ts';
import { ProgramSignals } from './program-signals.ts';
import type { ApplicationWatcher } from './watch.ts';

const logger = {
  error: (text: string) => console.error(text),
  warn: (text: string) => console.error(text),
  info: (text: string) => console.error(text),
};

export async function serve(args: Arguments, parent: ParentLink | null): Promise<void> {
  const started = performance.now();
  // Imported before signals are handled: from then on a server exists that they can close.
  const watcher = args.command.watch ? (await import('./watch.ts')).ApplicationWatcher : undefined;
  const life = new ServerLife(parent);
  life.hearSignals();
  // With 0 threads the application may block this thread for any time.
  parent?.beat(args.options.threads === 0 ? 0 : args.command.watchdogTimeout);
  const starting = watcher === undefined ? start(args, life) : startWatched(args, life, watcher);
  const server = await starting.catch((error: unknown) => {
    if (!life.closing) throw error;
  });
  // A signal has ended the server while it started.
  if (server === undefined) return;
  // Sent before the ready line: a reader of that line may send the parent a signal, which the parent passes on.
  await parent?.say({ type: 'ready' });
  const milliseconds = Math.round(performance.now() - started);
  const workers = server.threads === 1 ? '1 worker' : `${server.threads} workers`;
  const where = server.threads === 0 ? 'the main thread' : workers;
  // Frameworks depend on NODE_ENV, and without it behave as in development.
  const environment = (process.env.NODE_ENV ?? '') === '' ? ', NODE_ENV is not set' : '';
  const { interface: called, why } = server.interface ?? {};
  const app = `${path.basename(args.app)}${called === undefined ? '' : ` as ${called}: ${why}`}`;
  console.log(
    `tsgi-threads ${VERSION} listening on ${urlOf(server.address)} with ${where}, ready in ${milliseconds} ms (${app})${environment}`,
  );
}

async function start(args: Arguments, life: ServerLife, problem = ''): Promise<Server> {
  const binder = life.parent ?? undefined;
  const makeJournal = binder === undefined ? undefined : (prefix: string) => new Journal(JOURNAL_FD, prefix);
  const options = { ...args.given, app: args.app, args: args.args, logger };
  const server = life.with(
    new Server(options, {
      binder,
      makeJournal,
      problem,
      watch: args.command.watch,
      ownsProcess: true,
      onSignals: (names) => life.signals.programListens(names),
    }),
  );
  return server.listen();
}

/** If the application does not load, shows its error and loads it again when one of its files changes. */
async function startWatched(
  args: Arguments,
  life: ServerLife,
  Watcher: typeof ApplicationWatcher,
): Promise<Server> {
  try {
    const server = await start(args, life);
    new Watcher(server, null);
    return server;
  } catch (error) {
    if (!(error instanceof OptionError) || !MENDED_BY_A_CHANGE.has(error.code)) throw error;
    tell(describe(error));
    const { files } = life.server;
    const server = await start(args, life, describe(error));
    new Watcher(server, files);
    return server;
  }
}

const MENDED_BY_A_CHANGE: ReadonlySet<string> = new Set([
  'TSGI_ERR_APP_SYNTAX',
  'TSGI_ERR_APP_LOAD',
  'TSGI_ERR_APP_EXPORT',
  'TSGI_ERR_APP_LISTEN',
  'TSGI_ERR_BOOT_TIMEOUT',
]);

class ServerLife {
  readonly parent: ParentLink | null;
  server!: Server;
  readonly signals: ProgramSignals;
  #closing = false;
  #toldByParent = false;

  constructor(parent: ParentLink | null) {
    this.parent = parent;
    this.signals = new ProgramSignals(parent, () => this.server);
  }

  with(server: Server): Server {
    this.server = server;
    server.on('error', (error) => this.#onFatal(error));
    return server;
  }

  hearSignals(): void {
    // One request to stop a service may signal both processes, but counts once.
    process.on('SIGTERM', () => this.#toldByParent || this.#onSignal('SIGTERM'));
    process.once('SIGQUIT', () => process.exit(codeOf('SIGQUIT')));
    process.on('SIGINT', () => this.parent === null && this.#onSignal('SIGINT'));
    process.on('SIGHUP', () => this.parent === null && this.#hangUp());
    this.parent?.listen({
      parentOnClose: () => this.#onParentClose(),
      parentOnEnd: (code) => void this.#end(code),
      parentOnReload: () => this.#reload(),
      parentOnSignal: (name) => this.signals.fromParent(name),
      parentOnGone: () => this.#onOrphaned(),
    });
  }

  get closing(): boolean {
    return this.#closing;
  }

  /** The first signal closes gracefully. A second one ends the server immediately. */
  #onSignal(signal: Signal): void {
    const which = whichSignal();
    if (which === 'second') return void this.#end(codeOf(signal));
    if (which === 'same') return;
    tellClosing(signal);
    if (!this.#closing) this.#close(0);
  }

  /** The parent has already logged the signal. */
  #onParentClose(): void {
    this.#toldByParent = true;
    if (!this.#closing) this.#close(0);
  }

  #close(code: number): void {
    this.#closing = true;
    this.server.close().then(
      () => this.#leave(code),
      (error) => {
        tell(describe(error));
        return this.#leave(EXIT.failure);
      },
    );
  }

  async #end(code: number): Promise<void> {
    await this.server.terminate();
    await this.#leave(code);
  }

  /** At exit, Node waits for threads in native calls until these return. Only SIGKILL avoids that. */
  async #leave(code: number): Promise<void> {
    if (!this.server.hasZombies && !hasLostTerminal()) process.exit(code);
    await this.parent?.say({ type: 'exit', code });
    flushStdio();
    process.kill(process.pid, 'SIGKILL');
  }

  /**
   * On a terminal, SIGHUP means that the terminal is gone, so the server closes. The shell and the kernel may both send it,
   * which counts once. For a service, it is a request to load the application again.
   */
  #hangUp(): void {
    if (!isOnTerminal() && this.server.threads > 0) return this.#reload();
    if (!this.#closing) this.#onSignal('SIGHUP');
  }

  #reload(): void {
    const started = performance.now();
    tell('SIGHUP received: loading the application again');
    this.server.reload().then(
      () => tell(`reloaded in ${Math.round(performance.now() - started)} ms`),
      (error) => this.#closing || tell(`not reloaded, the old code stays in use: ${describe(error)}`),
    );
  }

  #onOrphaned(): void {
    if (this.#closing) return;
    tell('The supervisor is gone: finishing requests in flight');
    this.#close(EXIT.failure);
  }

  /** This process cannot even close, so the parent kills it. */
  async #onBroken(error: Error): Promise<void> {
    if (this.parent === null) tell(describe(error));
    await this.parent?.say({ type: 'broken', why: describe(error) });
    await this.#end(EXIT.failure);
  }

  /** An error that this process cannot repair. Another process replaces it, or this process logs the error and closes. */
  #onFatal(error: Error): void {
    if (error instanceof ApplicationError && error.code === 'TSGI_ERR_MEMORY')
      return void this.#onBroken(error);
    if (this.#closing) return;
    if (this.parent !== null) return void this.parent.say({ type: 'replace', why: describe(error) });
    tell(`${describe(error)}: finishing requests in flight`);
    this.#close(EXIT.failure);
  }
}
