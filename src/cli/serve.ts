/**
 * The process that serves: a server, and its life on a terminal or under a supervisor.
 *
 * Law: signals, the console and process.exit of the server. Under a supervisor the terminal's signals are the parent's
 * to hear, so that one Ctrl-C counts once; SIGTERM is meant for whom it was sent to.
 */
import path from 'node:path';
import { Journal } from '../journal.ts';
import { OptionError } from '../errors.ts';
import { Server } from '../server.ts';
import { JOURNAL_FD } from '../supervisor/messages.ts';
import type { ParentLink } from '../supervisor/parent-link.ts';
import { VERSION } from '../version.ts';
import type { Arguments } from './command.ts';
import { codeOf, describe, EXIT, type Signal, tell } from './exit.ts';

const logger = {
  error: (text: string) => console.error(text),
  warn: (text: string) => console.error(text),
  info: (text: string) => console.error(text),
};

export async function serve(args: Arguments, parent: ParentLink | null): Promise<void> {
  const started = performance.now();
  const life = new ServerLife(parent);
  life.hearSignals();
  const server = args.command.watch ? await startWatched(args, life) : await start(args, life);
  // First: who has read the line may send the parent a signal that it passes on.
  await parent?.say({ type: 'ready' });
  const milliseconds = Math.round(performance.now() - started);
  const workers = server.threads === 1 ? '1 worker' : `${server.threads} workers`;
  const where = server.threads === 0 ? 'the main thread' : workers;
  // Frameworks go by it, and behave as in development.
  const environment = (process.env.NODE_ENV ?? '') === '' ? ', NODE_ENV is not set' : '';
  const { interface: called, why } = server.interface ?? {};
  const app = `${path.basename(args.app)}${called === undefined ? '' : ` as ${called}: ${why}`}`;
  console.log(
    `tsgi-threads ${VERSION} listening on ${server.url} with ${where}, ready in ${milliseconds} ms (${app})${environment}`,
  );
}

async function start(args: Arguments, life: ServerLife, problem = ''): Promise<Server> {
  const binder = life.parent ?? undefined;
  const makeJournal = binder === undefined ? undefined : (prefix: string) => new Journal(JOURNAL_FD, prefix);
  const options = { ...args.given, app: args.app, args: args.args, logger };
  const server = life.with(new Server(args.threads ?? 'auto', options, { binder, makeJournal, problem }));
  return server.listen();
}

/** An application that does not load is shown as such, and loaded when a file of it changes. */
async function startWatched(args: Arguments, life: ServerLife): Promise<Server> {
  const { ApplicationWatcher } = await import('./watch.ts');
  try {
    const server = await start(args, life);
    new ApplicationWatcher(server, null);
    return server;
  } catch (error) {
    if (!(error instanceof OptionError) || !MENDED_BY_A_CHANGE.has(error.code)) throw error;
    tell(describe(error));
    const { files } = life.server;
    const server = await start(args, life, describe(error));
    new ApplicationWatcher(server, files);
    return server;
  }
}

const MENDED_BY_A_CHANGE: ReadonlySet<string> = new Set([
  'TSGI_ERR_APP_SYNTAX',
  'TSGI_ERR_APP_LOAD',
  'TSGI_ERR_APP_EXPORT',
  'TSGI_ERR_BOOT_TIMEOUT',
]);

class ServerLife {
  readonly parent: ParentLink | null;
  server!: Server;
  #closing = false;

  constructor(parent: ParentLink | null) {
    this.parent = parent;
  }

  with(server: Server): Server {
    this.server = server;
    server.on('error', (error) => this.#onFatal(error));
    return server;
  }

  hearSignals(): void {
    process.on('SIGTERM', () => this.close('SIGTERM'));
    process.once('SIGQUIT', () => process.exit(codeOf('SIGQUIT')));
    process.on('SIGINT', () => this.parent === null && this.close('SIGINT'));
    process.on('SIGHUP', () => this.parent === null && this.#hangUp());
    this.parent?.listen({
      parentOnClose: () => this.#closing || this.close('SIGTERM'),
      parentOnEnd: (code) => void this.#end(code),
      parentOnReload: () => this.#reload(),
      parentOnGone: () => this.#onOrphaned(),
    });
  }

  /** The first signal closes gracefully, the second ends it now. */
  close(signal: Signal): void {
    if (this.#closing) return void this.#end(codeOf(signal));
    tell(`${signal} received: answering what is in flight; again to end now`);
    this.#close(0);
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

  /** Node waits at its exit for threads in native calls, as long as those take; only SIGKILL does not. */
  async #leave(code: number): Promise<void> {
    if (!this.server.hasZombies) process.exit(code);
    await this.parent?.say({ type: 'exit', code });
    process.kill(process.pid, 'SIGKILL');
  }

  /** On a terminal it is gone: close. A service is told to load its application anew. */
  #hangUp(): void {
    if (process.stdout.isTTY || this.server.threads === 0) this.close('SIGHUP');
    else this.#reload();
  }

  #reload(): void {
    const started = performance.now();
    tell('SIGHUP received: loading the application anew');
    this.server.reload().then(
      () => tell(`reloaded in ${Math.round(performance.now() - started)} ms`),
      (error) => tell(`not reloaded, the old code goes on: ${describe(error)}`),
    );
  }

  #onOrphaned(): void {
    if (this.#closing) return;
    tell('the supervisor is gone: answering what is in flight');
    this.#close(EXIT.failure);
  }

  /** Something that this process cannot mend: another takes its place, or it closes and says so. */
  #onFatal(error: Error): void {
    if (this.#closing) return;
    if (this.parent !== null) return void this.parent.say({ type: 'replace', why: describe(error) });
    tell(`${describe(error)}: answering what is in flight`);
    this.#close(EXIT.failure);
  }
}
