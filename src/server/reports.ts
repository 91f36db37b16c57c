/**
 * What the server tells its operator about requests that it answered itself and workers that it ended.
 *
 * Law: words only. A limit is told with its value and its flag, so that the line says what to do.
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

/** How often the same kind of refusal is logged at most, ms. */
const REFUSAL_LOG_MS = 60_000;
/** Below this a time in the queue is not told exactly, ms. */
const QUEUED_MS = 50;
const LAST_LINES = 5;
const LAST_LINE_LENGTH = 200;

/** What a worker was doing when it was ended, as far as can be told. */
export interface LastSeen {
  /** What it printed last. */
  readonly output: string;
  /** The functions that burned its time. */
  readonly busy: readonly string[];
}

interface Refused {
  readonly status: number;
  readonly detail: string;
  readonly blame: Pick<Blame, 'cause' | 'request'>;
}

type Queue = Pick<AcceptorStats, 'pending' | 'inFlight'>;

const FULL_HEAP = /memory limit|heap out of memory/;
/** Requests of one worker that are named when it ends. */
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
   * At most once a minute for each kind: the limit and its flag are what an operator needs, not every case.
   *
   * @param stats asked only if a line is logged
   */
  refused({ status, detail, blame }: Refused, stats: () => Queue): void {
    const key = `${status} ${detail} ${blame.cause}`;
    const now = performance.now();
    const last = this.#refusalsLogged.get(key);
    if (last !== undefined && now - last < REFUSAL_LOG_MS) return;
    this.#refusalsLogged.set(key, now);
    const [what, limit] = blame.cause === '' ? [detail, limitOf(status, detail)] : CAUSES[blame.cause];
    const to = blame.request === '' ? '' : ` to ${blame.request}`;
    const why = [
      what,
      limit === undefined ? '' : this.#limit(limit),
      status === 503 ? queueText(stats()) : '',
    ];
    const text = why.filter((part) => part !== '').join('; ');
    this.#log.warn(`Answered ${status}${to}${text === '' ? '' : `: ${text}`} (told once a minute)`);
  }

  /** A worker has ended; the first requests that its clients have lost are named. */
  lost(slot: number, lost: readonly LostRequest[], why: string): void {
    const heap = FULL_HEAP.test(why) ? `; ${heapText()}` : '';
    for (const { request, begun } of lost.slice(0, MOST_LOST)) {
      const what = begun ? 'Broke off the response to' : 'Answered 502 to';
      this.#log.error(`${what} ${request || 'a request'}: worker ${slot} ${why}${heap}`);
    }
    if (lost.length > MOST_LOST)
      this.#log.error(`So did ${lost.length - MOST_LOST} more requests of worker ${slot}`);
  }

  /** At the start: the operating system allows fewer connections than the option. `limit`: its limit of descriptors. */
  descriptors(limit: number, connections: number): void {
    if (connections >= this.#options.maxConnections) return;
    this.#log.warn(
      `The limit of open files is ${limit}, which is enough for ${connections} connections; ${this.#limit('maxConnections')}. ` +
        'Raise it (ulimit -n, LimitNOFILE= of systemd, --ulimit nofile= of Docker), or lower maxConnections.',
    );
  }

  late(late: LateRequest, seen: LastSeen): void {
    const { request, requestId, slot, age, queued, loop } = late;
    // Times are taken from the acceptor's ticks: a short wait cannot be told from none.
    const waited = queued < QUEUED_MS ? `less than ${QUEUED_MS} ms` : seconds(queued);
    const had = `worker ${slot} had it for ${seconds(age)}, after ${waited} in the queue`;
    const end = LOOPS[loop];
    const limit = this.#limit('handlerTimeout');
    this.#log.error(
      `Answered 504 to ${request} (request ${requestId}): ${had}; ${limit}${end}${lastSeen(seen)}`,
    );
  }

  stuck(slot: number, seen: LastSeen): void {
    const limits = `${this.#limit('handlerTimeout')}; ${this.#limit('killGrace')}`;
    this.#log.error(
      `Worker ${slot} is replaced: its event loop does not turn any more; ${limits}${lastSeen(seen)}`,
    );
  }

  #limit(name: OptionName): string {
    return showOption(name, this.#options[name]);
  }
}

/** The limit that a detail names, or the only one of a status. */
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
  return `its heap may have ${Math.round(bytes / 2 ** 20)} MiB: raise that with NODE_OPTIONS=--max-old-space-size=<MiB>, or lower what a request keeps`;
}

function seconds(milliseconds: number): string {
  return milliseconds < 1000 ? `${Math.round(milliseconds)} ms` : `${(milliseconds / 1000).toFixed(1)} s`;
}

function lastSeen({ output, busy }: LastSeen): string {
  const lines = output.split('\n').filter((line) => line.trim() !== '');
  const last = lines.slice(-LAST_LINES).map((line) => `\n    | ${line.slice(0, LAST_LINE_LENGTH)}`);
  const burning = busy.length === 0 ? '' : `\n  it burns its time in or below ${busy.join(', ')}`;
  return burning + (last.length === 0 ? '' : `\n  it printed last${last.join('')}`);
}
