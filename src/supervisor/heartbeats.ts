/**
 * Finds serving processes that are stuck. The event loop of each process sends a beat about every second.
 *
 * Law: reads clocks and the state of processes. Kills a child with a reason, and does nothing else. The supervisor decides
 * what follows.
 *
 * A child that has never sent a beat is not watched. If this process itself stood still (the machine slept, or a terminal
 * sent Ctrl-Z), that time does not count for its children. A child is not killed while a debugger holds it: a client of its
 * inspector, or a tracer of the process.
 */
import { readFileSync } from 'node:fs';
import { hasClients } from '../debugger.ts';
import type { Child } from './child.ts';
import { beatEvery } from './parent-messages.ts';

/** The limit for a child that is ending, ms. */
const MOST_LEAVING_MS = 3000;

export interface HeartbeatLimits {
  /** How long the event loop of a serving child may stand still, ms. 0 disables the limit. */
  readonly watchdogTimeout: number;
  /** The limit for a child that is still starting, ms. */
  readonly bootTimeout: number;
}

export class Heartbeats {
  readonly #limits: HeartbeatLimits;
  readonly #children: Iterable<Child>;
  readonly #every: number;
  #timer: NodeJS.Timeout | undefined;
  #last = 0;

  constructor(limits: HeartbeatLimits, children: Iterable<Child>) {
    this.#limits = limits;
    this.#children = children;
    this.#every = beatEvery(limits.watchdogTimeout);
  }

  start(): void {
    if (!(this.#limits.watchdogTimeout > 0)) return;
    this.#last = performance.now();
    this.#timer = setInterval(() => this.#tick(performance.now()), this.#every);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #tick(now: number): void {
    const pause = now - this.#last;
    this.#last = now;
    for (const child of this.#children) {
      // Beats that arrived meanwhile are read only after this callback.
      if (pause > 2 * this.#every || this.#isHeld(child)) child.beatAt &&= now;
      else if (child.beatAt !== 0 && now - child.beatAt > this.#limitOf(child)) this.#end(child, now);
    }
  }

  #limitOf({ leaving, readyAt }: Child): number {
    const { watchdogTimeout, bootTimeout } = this.#limits;
    if (leaving) return Math.min(watchdogTimeout, MOST_LEAVING_MS);
    return readyAt === 0 ? Math.max(watchdogTimeout, bootTimeout) : watchdogTimeout;
  }

  #isHeld({ pid, inspector, beatAt }: Child): boolean {
    // Reads /proc only if a beat is missing.
    if (beatAt === 0 || this.#last - beatAt < 2 * this.#every) return false;
    return (inspector !== 0 && hasClients(inspector, pid)) || (statusOf(pid).get('TracerPid') ?? '0') !== '0';
  }

  #end(child: Child, now: number): void {
    const seconds = ((now - child.beatAt) / 1000).toFixed(1);
    const state = STATES[statusOf(child.pid).get('State')?.[0] ?? ''] ?? '';
    child.end(`its event loop stood still for ${seconds} s${state} (--watchdog-timeout)`);
  }
}

/** Log texts by the process state that the kernel reports. */
const STATES: Readonly<Record<string, string>> = {
  T: ', it was stopped by a signal',
  R: ', it burned CPU',
  D: ', it waited for a device',
  S: ', it waited in a system call',
};

/** The lines of /proc/<pid>/status. Empty if that file does not exist. */
function statusOf(pid: number): Map<string, string> {
  try {
    const lines = readFileSync(`/proc/${pid}/status`, 'utf8').split('\n');
    return new Map(lines.map((line) => line.split(':\t', 2) as [string, string]));
  } catch {
    return new Map();
  }
}
