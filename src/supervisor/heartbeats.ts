/**
 * Notices that a process that serves stands still: its event loop sends a beat about every second.
 *
 * Law: reads clocks and the state of processes; kills a child and gives the reason, nothing else. What follows from a
 * death is the supervisor's.
 *
 * A child that has never sent a beat is not watched. While this process stood still itself (a machine that slept, a
 * terminal's Ctrl-Z), no time has passed for its children. A child is not killed while a debugger holds it: Node's, at its
 * inspector, or one that traces the process.
 */
import { readFileSync } from 'node:fs';
import { hasClients } from '../debugger.ts';
import type { Child } from './child.ts';
import { beatEvery } from './parent-messages.ts';

/** A child that was told to end may stand still for so long, ms. */
const MOST_LEAVING_MS = 3000;

export interface HeartbeatLimits {
  /** How long a child that serves may stand still, ms; 0: for ever. */
  readonly watchdogTimeout: number;
  /** The same for one that starts. */
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
      // Beats that came meanwhile are read behind this.
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
    // A look at /proc only where a beat is missing.
    if (beatAt === 0 || this.#last - beatAt < 2 * this.#every) return false;
    return (inspector !== 0 && hasClients(inspector, pid)) || (statusOf(pid).get('TracerPid') ?? '0') !== '0';
  }

  #end(child: Child, now: number): void {
    const seconds = ((now - child.beatAt) / 1000).toFixed(1);
    const state = STATES[statusOf(child.pid).get('State')?.[0] ?? ''] ?? '';
    child.end(`its event loop stood still for ${seconds} s${state} (--watchdog-timeout)`);
  }
}

/** What the kernel says of a process that does not turn its loop. */
const STATES: Readonly<Record<string, string>> = {
  T: ', it was stopped by a signal',
  R: ', it burned CPU',
  D: ', it waited for a device',
  S: ', it waited in a system call',
};

/** The lines of /proc/<pid>/status; none where there is no such file. */
function statusOf(pid: number): Map<string, string> {
  try {
    const lines = readFileSync(`/proc/${pid}/status`, 'utf8').split('\n');
    return new Map(lines.map((line) => line.split(':\t', 2) as [string, string]));
  } catch {
    return new Map();
  }
}
