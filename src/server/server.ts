/**
 * The life of a server: start, serve, close. Connects the acceptor and the pool.
 *
 * Law: knows no bytes, no rings and no application. Its methods are in the order start, serve, reload, close. Only the
 * command line (`cli/run.ts`) uses the console, signals and process.exit.
 */
import { EventEmitter } from 'node:events';
import type { AddressInfo } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { Acceptor } from '../acceptor/acceptor.ts';
import type { LateRequest } from '../acceptor/acceptor-api.ts';
import { descriptorLimit, descriptorsForClients } from '../acceptor/socket/descriptors.ts';
import { ServerApplication } from './application.ts';
import { Debugger } from '../debugger.ts';
import { ApplicationError, OptionError } from '../errors.ts';
import { defaultLogger, type Logger } from './logger.ts';
import type { Journal } from '../journal.ts';
import { Listening, urlOf } from './listening.ts';
import { type Resolution, resolveOptions } from '../options/resolve.ts';
import { showOption } from '../options/show.ts';
import type { ResolvedOptions } from '../options/table.ts';
import type { CommonTask } from '../pool/incarnation.ts';
import type { Asked } from '../stand-in.ts';
import { Pool } from '../pool/pool.ts';
import type { Readiness } from '../pool/pool-api.ts';
import { Reports } from './reports.ts';
import type { CommandParts, ListenOptions, ServerOptions, ServerStats, WorkerExit } from './server-api.ts';

interface ServerEvents {
  ready: [];
  workerExit: [WorkerExit];
  error: [Error];
}

export class Server extends EventEmitter<ServerEvents> implements AsyncDisposable {
  readonly #resolution: Resolution;
  readonly #application: ServerApplication;
  readonly #command: CommandParts;
  readonly #log: Logger;
  readonly #reports: Reports;
  readonly #debugger: Debugger = new Debugger(() => this.#reports.debugged());
  /** The prefix of every request id of this server. */
  readonly #requestIdPrefix: string = Math.random().toString(36).slice(2, 8);
  #acceptor: Acceptor | null = null;
  #pool: Pool | null = null;
  readonly #journal: Journal | undefined;
  /** The application's problem at the start. Empty from the first reload on. */
  #problem: string;
  /** The last load of the application: the start, or a reload. Loads run one after the other. */
  #loading: Promise<unknown> | null = null;
  /** A reload that has not begun. */
  #nextReload: Promise<void> | null = null;
  #closed: Promise<void> | null = null;
  /** `listen` has resolved. */
  #serves = false;
  #onClosed: () => void = () => {};

  /** @internal */
  constructor(options: ServerOptions, command: CommandParts = {}) {
    super();
    const { app, args = [], logger, ...rest } = options;
    this.#resolution = resolveOptions({ ...rest }, process.env);
    this.#command = command;
    this.#journal = command.makeJournal?.(this.#requestIdPrefix);
    this.#problem = command.problem ?? '';
    this.#log = logger ?? defaultLogger;
    this.#reports = new Reports(this.options, this.#log);
    this.#application = new ServerApplication({
      app,
      args,
      callerFolder: command.callerFolder,
      watch: command.watch ?? false,
      ownsProcess: command.ownsProcess ?? false,
      options: this.options,
      requestIdPrefix: this.#requestIdPrefix,
      log: this.#log,
    });
  }

  get options(): ResolvedOptions {
    return this.#resolution.options;
  }

  // start

  /** Source files of the application, as far as the last compilation reached them. */
  get files(): ReadonlySet<string> {
    return this.#application.files;
  }

  /** Number of worker threads. 0 if the application runs in the caller's own thread. */
  get threads(): number {
    return this.options.threads;
  }

  /**
   * Compiles and loads the application, then listens. If `app` is the application itself, listens first, and requests wait
   * for it. Rejects with an OptionError if the application does not load, the address cannot be bound, or the server is
   * closed meanwhile. Nothing keeps running then.
   */
  async listen(where: ListenOptions | number = {}, host?: string): Promise<this> {
    if (this.#loading !== null)
      throw new OptionError('TSGI_ERR_STATE', 'Cannot listen: this server has been started before');
    const options: ListenOptions =
      typeof where === 'number' ? { port: where, ...(host === undefined ? {} : { host }) } : where;
    const started = this.#start(options);
    this.#loading = started.catch(() => {});
    const closed = new Promise<void>((resolve) => (this.#onClosed = resolve));
    try {
      // A start may take long to notice that the server was closed.
      await Promise.race([started, closed]);
      if (this.#closed !== null) throw closedError();
      this.#serves = true;
    } catch (error) {
      const reason = this.#closed === null ? error : closedError();
      await this.terminate();
      throw reason;
    }
    this.emit('ready');
    return this;
  }

  async #start(given: ListenOptions): Promise<void> {
    const listening = new Listening(this.#resolution, given, this.#command.binder);
    if (this.#application.file === null) return this.#startHere(listening);
    await listening.reserve();
    const application = this.#application;
    const task = this.#problem === '' ? await application.compile() : application.showing(this.#problem);
    // Parts that are created after this point would not be closed.
    if (this.#closed !== null) throw closedError();
    const acceptor = this.#makeAcceptor();
    const pool = await this.#startPool(acceptor, task);
    await listening.listen(pool.readiness?.asked ?? null, (where) => acceptor.listen(where));
    if (this.#closed !== null) throw closedError();
    pool.tellAddress(0, this.address);
    // Registered late, because the first place is the server's own.
    const onAsks = (place: number, asked: Asked) => void this.#onAsks(listening, place, asked);
    for (const [place, asked] of pool.places.asked) onAsks(place, asked);
    pool.on('asks', onAsks);
  }

  /** A program listens in several places, or it listens after the server has served its export. */
  async #onAsks(listening: Listening, place: number, asked: Asked): Promise<void> {
    const acceptor = this.#acceptor!;
    try {
      const address = await (place === 0
        ? listening.move(asked, this.address, acceptor.move)
        : listening.listenToo(place, asked, this.address, (where) => acceptor.listen(where, place)));
      this.#pool?.tellAddress(place, address);
      const url = urlOf(address);
      this.#log.info(
        place === 0
          ? `The program listens by itself on ${url}: that is served from now on, instead of what the file exports`
          : `The program also listens on ${url}`,
      );
    } catch (error) {
      this.#pool?.tellRefused(place, (error as Error).cause as Error);
    }
  }

  async #startHere(listening: Listening): Promise<void> {
    const acceptor = this.#makeAcceptor();
    await listening.listen(null, (where) => acceptor.listen(where));
    const task = await this.#application.compile();
    if (this.#closed !== null) throw closedError();
    await this.#startPool(acceptor, task);
  }

  async #startPool(acceptor: Acceptor, task: CommonTask): Promise<Pool> {
    const options = {
      ...this.options,
      shared: acceptor.shared,
      task,
      application: this.#application,
      isDebugged: this.#isDebugged,
    };
    const pool = new Pool(options, acceptor, this.#log);
    this.#pool = pool;
    pool.on('workerExit', (exit: WorkerExit) => this.emit('workerExit', exit));
    if (this.#command.onSignals !== undefined) pool.on('signals', this.#command.onSignals);
    pool.on('zombie', () => this.#onZombie());
    await pool.start();
    return pool;
  }

  readonly #isDebugged = (): boolean => this.#debugger.attached;

  #makeAcceptor(): Acceptor {
    const workers = Math.max(1, this.threads);
    this.#acceptor = new Acceptor(
      {
        ...this.options,
        requestIdPrefix: this.#requestIdPrefix,
        isDebugged: this.#isDebugged,
        journal: this.#journal,
        live: this.#command.live,
        decided: this.#resolution.given,
        descriptors: this.#descriptors(workers),
        places: workers * this.options.concurrency,
        streams: workers * this.options.maxStreams,
      },
      {
        onRefused: (status, detail, blame) =>
          this.#reports.refused({ status, detail, blame }, () => this.stats()),
        onLost: (slot, lost, why) => this.#reports.lost(slot, lost, why),
        onWorn: (slot) => this.#pool?.recycle(slot, 'maxRequests are answered'),
        onLate: (late) => void this.#onLate(late),
        onStuck: (slot) => void this.#onStuck(slot),
        onDamaged: (what) => this.#onDamaged(what),
      },
    );
    return this.#acceptor;
  }

  /** File descriptors for clients. Warns if the operating system allows fewer connections than the option. */
  #descriptors(workers: number): number {
    const limit = descriptorLimit();
    const descriptors = descriptorsForClients(limit, workers);
    this.#reports.descriptors(limit, descriptors);
    return descriptors;
  }

  // serve

  /**
   * A URL under which this machine reaches the server, without a trailing slash: `http://127.0.0.1:8000`. If the server
   * listens on all addresses, the host is `localhost`; `address` has the address itself.
   */
  get url(): string {
    const { address, port } = this.address;
    const isEvery = address === '::' || address === '0.0.0.0';
    return urlOf({ address: isEvery ? 'localhost' : address, port });
  }

  get address(): AddressInfo {
    const address = this.#acceptor?.address;
    if (address === null || address === undefined || typeof address === 'string') {
      throw new OptionError('TSGI_ERR_STATE', 'Cannot read the address: the server does not listen');
    }
    return address;
  }

  /** Whether terminated threads have not ended. The process cannot exit before they do. */
  get hasZombies(): boolean {
    return this.#pool !== null && this.#pool.zombies > 0;
  }

  /** The interface of the application, and how it was detected. Undefined before the application is loaded. */
  get interface(): Pick<Readiness, 'interface' | 'why'> | undefined {
    return this.#problem === '' ? (this.#pool?.readiness ?? undefined) : undefined;
  }

  stats(): ServerStats {
    if (this.#acceptor === null || this.#pool === null) {
      throw new OptionError('TSGI_ERR_STATE', 'Cannot read the stats: the server has not been started');
    }
    return { ...this.#acceptor.stats(), workers: this.#pool.ready, zombies: this.#pool.zombies };
  }

  /** The log line waits for the profile of the thread. The client already has its response. */
  async #onLate(late: LateRequest): Promise<void> {
    const output = this.#pool?.outputOf(late.slot) ?? '';
    const busy = late.loop !== 'turns' ? await this.#pool?.busiest(late.slot) : undefined;
    this.#reports.late(late, { output, busy: busy ?? [] });
  }

  async #onStuck(slot: number): Promise<void> {
    const output = this.#pool?.outputOf(slot) ?? '';
    const busy = await this.#pool?.terminate(slot);
    if (busy === undefined) return;
    this.#reports.stuck(slot, { output, busy });
  }

  /** Requests and responses in this memory may belong to other clients, so nothing more of it is read or sent. */
  #onDamaged(what: string): void {
    void this.terminate();
    const text = `${what} in shared memory was written over, by a native module or by the application; this process has to be replaced`;
    this.emit('error', new ApplicationError('TSGI_ERR_MEMORY', text));
  }

  /** Each zombie uses CPU or memory for nothing. A process with too many of them should be replaced. */
  #onZombie(): void {
    const zombies = this.#pool?.zombies ?? 0;
    if (zombies <= this.options.maxZombies || this.#closed !== null) return;
    const text = `${zombies} threads were killed and have not ended, because they are in native calls; ${showOption('maxZombies', this.options.maxZombies)}`;
    this.emit('error', new ApplicationError('TSGI_ERR_ZOMBIES', text));
  }

  /**
   * Passes a signal to every worker whose program listens for it. Returns the number of these workers. Used by the command
   * line.
   */
  signal(name: NodeJS.Signals): number {
    return this.#pool?.signal(name) ?? 0;
  }

  // reload

  /**
   * Compiles and loads the application again, and replaces the workers one after the other. Each replacement is ready first,
   * so no connection is affected. Rejects if the new code does not load; the old code then stays in use. A call during the
   * start or another reload runs afterwards. Several waiting calls count as one.
   */
  async reload(): Promise<void> {
    if (this.#loading === null || this.#closed !== null)
      throw new OptionError('TSGI_ERR_STATE', 'Cannot reload: the server does not serve');
    if (this.threads === 0)
      throw new OptionError(
        'TSGI_ERR_STATE',
        'Cannot reload: with threads 0 the application runs in this thread',
      );
    this.#nextReload ??= this.#inTurn(() => {
      this.#nextReload = null;
      return this.#reload();
    });
    return this.#nextReload;
  }

  async #reload(): Promise<void> {
    this.#problem = '';
    const task = await this.#application.compile();
    if (this.#pool === null || this.#closed !== null)
      throw new OptionError('TSGI_ERR_STATE', 'Cannot reload: the server is closing');
    await this.#pool.reload(task);
  }

  /** Answers every request with the problem of the application, until a reload succeeds. */
  async showProblem(problem: string): Promise<void> {
    await this.#inTurn(async () => this.#pool?.reload(this.#application.showing(problem)));
  }

  /** Loads run in the order of their calls, so that older code never replaces newer code. */
  #inTurn(load: () => Promise<void>): Promise<void> {
    const loaded = (this.#loading ?? Promise.resolve()).then(load);
    this.#loading = loaded.catch(() => {});
    return loaded;
  }

  // close

  /**
   * Stops accepting after `shutdownDelay`, answers all requests that are in flight or pending, and ends the workers. After
   * `shutdownTimeout`, it cuts everything that remains. If the server is still starting, it ends immediately, and `listen`
   * rejects. Also resolves if a thread cannot be ended because it is in a native call (`stats().zombies`). Idempotent.
   */
  close(): Promise<void> {
    const isStarting = !this.#serves && this.#application.file !== null;
    this.#closed ??= isStarting ? this.#terminate() : this.#close();
    this.#onClosed();
    return this.#closed;
  }

  async #close(): Promise<void> {
    const { shutdownDelay, shutdownTimeout } = this.options;
    const timer = setTimeout(() => void this.terminate(), shutdownTimeout);
    this.#acceptor?.drain();
    this.#pool?.stopping();
    if (shutdownDelay > 0) await wait(Math.min(shutdownDelay, shutdownTimeout));
    this.#pool?.drain();
    const closed = this.#acceptor?.close();
    // A stream may go on until its application learns that the worker ends.
    await Promise.race([closed, this.#acceptor?.answered()]);
    await Promise.all([closed, this.#pool?.close()]);
    clearTimeout(timer);
    this.#acceptor?.terminate();
  }

  /** Cuts every connection, but continues to accept new ones. */
  closeAllConnections(): void {
    this.#acceptor?.closeAllConnections();
  }

  /** Cuts every connection and ends every thread immediately. */
  terminate(): Promise<void> {
    const ended = this.#terminate();
    this.#closed ??= ended;
    this.#onClosed();
    return ended;
  }

  async #terminate(): Promise<void> {
    this.#acceptor?.terminate();
    await this.#pool?.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

function closedError(): OptionError {
  return new OptionError('TSGI_ERR_STATE', 'Cannot listen: the server was closed while it started');
}
