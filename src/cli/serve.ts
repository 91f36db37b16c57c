/**
 * The process that serves: a server, and its life on a terminal or under a supervisor.
 *
 * Law: signals, the console and process.exit of the server. Under a supervisor the terminal's signals are the parent's
 * to hear, so that one Ctrl-C counts once; SIGTERM is meant for whom it was sent to.
 */
import path from 'node:path';
import { Journal } from '../journal.ts';
import { Server } from '../server.ts';
import { JOURNAL_FD, LISTENING_FD } from '../supervisor/messages.ts';
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
  const makeJournal = parent === null ? undefined : (prefix: string) => new Journal(JOURNAL_FD, prefix);
  const server = new Server(args.threads ?? 'auto', { ...args.given, app: args.app, logger }, makeJournal);
  const life = new ServerLife(server, parent);
  life.hearSignals();
  await server.listen(parent === null ? {} : { fd: LISTENING_FD });
  const milliseconds = Math.round(performance.now() - started);
  const workers = server.threads === 1 ? '1 worker' : `${server.threads} workers`;
  const where = server.threads === 0 ? 'the main thread' : workers;
  console.log(
    `tsgi-threads ${VERSION} listening on ${server.url} with ${where}, ready in ${milliseconds} ms (${path.basename(args.app)})`,
  );
  await parent?.say({ type: 'ready' });
}

class ServerLife {
  readonly #server: Server;
  readonly #parent: ParentLink | null;
  #closing = false;

  constructor(server: Server, parent: ParentLink | null) {
    this.#server = server;
    this.#parent = parent;
    server.on('error', (error) => this.#onFatal(error));
  }

  hearSignals(): void {
    process.on('SIGTERM', () => this.close('SIGTERM'));
    process.once('SIGQUIT', () => process.exit(codeOf('SIGQUIT')));
    process.on('SIGINT', () => this.#parent === null && this.close('SIGINT'));
    process.on('SIGHUP', () => this.#parent === null && this.#hangUp());
    this.#parent?.listen({
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
    this.#server.close().then(
      () => this.#leave(code),
      (error) => {
        tell(describe(error));
        return this.#leave(EXIT.failure);
      },
    );
  }

  async #end(code: number): Promise<void> {
    await this.#server.terminate();
    await this.#leave(code);
  }

  /** Node waits at its exit for threads in native calls, as long as those take; only SIGKILL does not. */
  async #leave(code: number): Promise<void> {
    if (!this.#server.hasZombies) process.exit(code);
    await this.#parent?.say({ type: 'exit', code });
    process.kill(process.pid, 'SIGKILL');
  }

  /** On a terminal it is gone: close. A service is told to load its application anew. */
  #hangUp(): void {
    if (process.stdout.isTTY || this.#server.threads === 0) this.close('SIGHUP');
    else this.#reload();
  }

  #reload(): void {
    const started = performance.now();
    tell('SIGHUP received: loading the application anew');
    this.#server.reload().then(
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
    if (this.#parent !== null) return void this.#parent.say({ type: 'replace', why: describe(error) });
    tell(`${describe(error)}: answering what is in flight`);
    this.#close(EXIT.failure);
  }
}
