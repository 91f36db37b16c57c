/**
 * Log lines about requests that the server answered itself and about workers that it ended.
 *
 * Law: words only. A line names a limit with its value and its flag, so that it shows what to do.
 */
import { getHeapStatistics } from 'node:v8';
import type { AcceptorStats, LateRequest } from '../acceptor/acceptor-api.ts';
import type { Blame, Cause, LostRequest } from '../acceptor/exchange/blame.ts';
import type { Logger } from './logger.ts';
import { showOption } from '../options/show.ts';
import type { OptionName, ResolvedOptions } from '../options/table.ts';

/** The options that set the limit behind a status. */
const LIMITS_OF: Readonly<Record<number, readonly OptionName[]>> = {
  408: ['headersTimeout', 'requestTimeout', 'bodyTimeout', 'minBodyRate'],
  413: ['maxBodySize'],
  414: ['maxRequestLine'],
  431: ['maxHeaderSize', 'maxHeaders'],
};

/** Why a request was refused with 503, and the option that sets the limit. */
const CAUSES: Readonly<Record<Cause, readonly [what: string, limit?: OptionName]>> = {
  maxPending: ['the queue is full', 'maxPending'],
  maxBuffered: ['there is no memory for the request', 'maxBuffered'],
  maxConnections: ['too many connections are open', 'maxConnections'],
  pendingTimeout: ['no worker took it in time', 'pendingTimeout'],
  descriptors: ['no file descriptor is free: raise the limit of open files (ulimit -n)'],
  key: ['the queue of its affinity key is full', 'maxPending'],
  threads: ['its body would block the last free worker: start more workers with --threads'],
  suspended: ['no worker serves: each ends as soon as it has started'],
};

/** The same kind of refusal is logged at most once in this time, ms. */
const REFUSAL_LOG_MS = 60_000;
/** A shorter time in the queue is not logged exactly, ms. */
const QUEUED_MS = 50;
const LAST_LINES = 5;
const LAST_LINE_LENGTH = 200;

/** What is known about a worker's work when it was ended. */
export interface LastSeen {
  /** The last output of the worker. */
  readonly output: string;
  /** The functions that burned CPU. */
  readonly busy: readonly string[];
}

interface Refused {
  readonly status: number;
  readonly detail: string;
  readonly blame: Pick<Blame, 'cause' | 'request'>;
}

type Queue = Pick<AcceptorStats, 'pending' | 'inFlight'>;

const FULL_HEAP = /memory limit|heap out of memory/;
/** The number of lost requests that are named when a worker ends. */
const MOST_LOST = 20;

const LOOPS: Readonly<Record<LateRequest['loop'], string>> = {
  turns: '',
  stuck: '; its event loop has not turned since',
  'stuck elsewhere': '; its event loop does not turn, another request holds it',
};

export class Reports {
  readonly #options: ResolvedOptions;
  readonly #log: Logger;
  readonly #refusalsLogged: Map<string, number> = new Map();

  constructor(options: ResolvedOptions, log: Logger) {
    this.#options = options;
    this.#log = log;
  }

  debugged(): void {
    this.#log.info('A debugger is attached: until it detaches, no request and no worker has a deadline');
  }

  /**
   * Logs a refusal, at most once a minute for each kind. An operator needs the limit and its flag, not every case.
   *
   * @param stats called only if a line is logged
   */
  refused({ status, detail, blame }: Refused, stats: () => Queue): void {
    const key = `${status} ${detail} ${blame.cause}`;
    const now = performance.now();
    const last = this.#refusalsLogged.get(key);
    if (last !== undefined && now - last < REFUSAL_LOG_MS) return;
    this.#refusalsLogged.set(key, now);
    const [what, limit] = blame.cause === '' ? [detail, limitOf(status, detail)] : CAUSES[blame.cause];
    const why = [
      what,
      limit === undefined ? '' : this.#limit(limit),
      status === 503 ? queueText(stats()) : '',
    ];
    const text = why.filter((part) => part !== '').join('; ');
    const named = blame.request || 'a client';
    this.#log.warn(
      `Answered ${named} with ${status}${text === '' ? '' : `: ${text}`} (logged once a minute)`,
    );
  }

  /** A worker has ended. Names the first requests whose responses were lost. */
  lost(slot: number, lost: readonly LostRequest[], why: string): void {
    const heap = FULL_HEAP.test(why) ? `; ${heapText()}` : '';
    for (const { request, begun } of lost.slice(0, MOST_LOST)) {
      const named = request || 'a request';
      const what = begun ? `Aborted the response to ${named}` : `Answered ${named} with 502`;
      this.#log.error(`${what}: worker ${slot} ${why}${heap}`);
    }
    if (lost.length > MOST_LOST)
      this.#log.error(`Worker ${slot} lost ${lost.length - MOST_LOST} more requests`);
  }

  /** Warns at the start if the operating system allows fewer connections than the option. `limit`: its limit of descriptors. */
  descriptors(limit: number, connections: number): void {
    if (connections >= this.#options.maxConnections) return;
    this.#log.warn(
      `The limit of open files is ${limit}, which is enough for ${connections} connections; ${this.#limit('maxConnections')}. ` +
        'Raise it (ulimit -n, LimitNOFILE= of systemd, --ulimit nofile= of Docker), or lower maxConnections.',
    );
  }

  late(late: LateRequest, seen: LastSeen): void {
    const { request, requestId, slot, age, queued, loop } = late;
    // The acceptor's ticks measure the times, so a short wait looks like none.
    const waited = queued < QUEUED_MS ? `less than ${QUEUED_MS} ms` : seconds(queued);
    const had = `worker ${slot} had it for ${seconds(age)}, after ${waited} in the queue`;
    const end = LOOPS[loop];
    const limit = this.#limit('handlerTimeout');
    this.#log.error(
      `Answered ${request} (request ${requestId}) with 504: ${had}; ${limit}${end}${lastSeen(seen)}`,
    );
  }

  stuck(slot: number, seen: LastSeen): void {
    const limits = `${this.#limit('handlerTimeout')}; ${this.#limit('killGrace')}`;
    this.#log.error(`Worker ${slot} is replaced: its event loop no longer turns; ${limits}${lastSeen(seen)}`);
  }

  #limit(name: OptionName): string {
    return showOption(name, this.#options[name]);
  }
}

/** The limit that a detail names, or the only limit of a status. */
function limitOf(status: number, detail: string): OptionName | undefined {
  const limits = LIMITS_OF[status] ?? [];
  const named = limits.find((name) => detail.includes(name));
  return named ?? (limits.length === 1 || detail.includes('head') ? limits[0] : undefined);
}

function queueText({ pending, inFlight }: Queue): string {
  return `${pending} requests wait for a worker, ${Math.max(0, inFlight - pending)} run`;
}

function heapText(): string {
  const bytes = getHeapStatistics().heap_size_limit;
  return `its heap may have ${Math.round(bytes / 2 ** 20)} MiB. Raise the limit with NODE_OPTIONS=--max-old-space-size=<MiB>, or keep less memory for each request`;
}

function seconds(milliseconds: number): string {
  return milliseconds < 1000 ? `${Math.round(milliseconds)} ms` : `${(milliseconds / 1000).toFixed(1)} s`;
}

function lastSeen({ output, busy }: LastSeen): string {
  const lines = output.split('\n').filter((line) => line.trim() !== '');
  const last = lines.slice(-LAST_LINES).map((line) => `\n    | ${line.slice(0, LAST_LINE_LENGTH)}`);
  const burning = busy.length === 0 ? '' : `\n  it burns CPU in or below ${busy.join(', ')}`;
  return burning + (last.length === 0 ? '' : `\n  its last output was${last.join('')}`);
}
