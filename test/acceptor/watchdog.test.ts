/**
 * What the watchdog reports about late requests and stuck workers. The test gives the time: a tick each 20 ms, as in a server.
 */
import { describe, expect, test } from 'vitest';
import { Upload } from '../../src/acceptor/exchange/upload.ts';
import { Watchdog, type WatchdogLimits } from '../../src/acceptor/turn/watchdog.ts';
import type { WorkerLink } from '../../src/acceptor/workers/worker-link.ts';
import { Abort } from '../../src/ring/layout.ts';
import { Workplace } from './workplace.ts';

const LIMITS = { handlerTimeout: 200, killGrace: 100 };
const TICK_MS = 20;

class Watch {
  readonly place: Workplace = new Workplace();
  readonly events: string[] = [];
  isHeld = false;
  now = 0;
  /** Workers whose loops turn: each answers a probe. */
  readonly turning: Set<WorkerLink> = new Set();
  readonly #watchdog: Watchdog;

  constructor(limits: WatchdogLimits = LIMITS) {
    const { exchanges, links, table } = this.place;
    this.#watchdog = new Watchdog(
      limits,
      {
        watchdogIsHeld: () => this.isHeld,
        watchdogOnLate: (exchange, link, loop) => {
          this.events.push(`${this.now} late ${exchange.index} worker ${link?.slot} ${loop}`);
          exchange.lateAt = this.now;
          exchanges.abandon(exchange, Abort.DEADLINE);
        },
        watchdogOnStuck: (link) => {
          this.events.push(`${this.now} stuck ${link.slot}`);
          link.setLive(false);
        },
      },
      exchanges,
      links,
      table,
    );
  }

  /** A worker that counts the probes which reach it. */
  worker(slot: number): WorkerLink & { probes: number } {
    const link = Object.assign(this.place.addWorker(slot), { probes: 0 });
    const { probe } = link;
    link.probe = () => {
      link.probes += 1;
      if (this.turning.has(link)) this.turn(link);
      probe.call(link);
    };
    return link;
  }

  turn(link: WorkerLink): void {
    this.place.write(link, { epoch: link.epoch + 1 });
  }

  until(time: number): void {
    while (this.now < time) this.tick(TICK_MS);
  }

  tick(after: number): void {
    this.now += after;
    this.#watchdog.tick(this.now);
  }
}

describe('the deadline of a handler', () => {
  test('does not run while no worker has taken the request', () => {
    const watch = new Watch();
    watch.turning.add(watch.worker(1));
    watch.place.submit();
    watch.until(2000);
    expect(watch.events).toEqual([]);
  });

  test('passes handlerTimeout after the tick that saw the request taken', () => {
    const watch = new Watch();
    const link = watch.worker(1);
    watch.turning.add(link);
    watch.until(100);
    watch.place.submit(watch.now);
    watch.place.run(link);
    watch.until(300);
    expect(watch.events).toEqual([]);
    watch.until(320);
    expect(watch.events).toEqual(['320 late 0 worker 1 turns']);
  });

  test('ends with the head of the response', () => {
    const watch = new Watch();
    const link = watch.worker(1);
    watch.turning.add(link);
    const exchange = watch.place.submit();
    watch.place.run(link);
    watch.until(100);
    exchange.headSent = true;
    watch.until(2000);
    expect(watch.events).toEqual([]);
  });

  test('is off if handlerTimeout is 0, and no worker is stuck', () => {
    const watch = new Watch({ handlerTimeout: 0, killGrace: 100 });
    const link = watch.worker(1);
    watch.place.submit();
    watch.place.run(link);
    watch.until(5000);
    expect([watch.events, link.probes]).toEqual([[], 0]);
  });

  test('is as late as the application has asked for', () => {
    const watch = new Watch();
    const link = watch.worker(1);
    watch.turning.add(link);
    watch.place.submit();
    watch.place.table.extend(watch.place.run(link), 600);
    watch.until(600);
    expect(watch.events).toEqual([]);
    watch.until(620);
    expect(watch.events).toEqual(['620 late 0 worker 1 turns']);
  });

  test('cannot be brought forward by the application', () => {
    const watch = new Watch();
    const link = watch.worker(1);
    watch.turning.add(link);
    watch.place.submit();
    watch.place.table.extend(watch.place.run(link), 50);
    watch.until(200);
    expect(watch.events).toEqual([]);
  });

  test('stands while the application waits for bytes that the client has not sent', () => {
    const watch = new Watch();
    const link = watch.worker(1);
    watch.turning.add(link);
    const exchange = watch.place.submit();
    watch.place.run(link);
    watch.until(100);
    const upload = new Upload();
    upload.wanted = true;
    exchange.upload = upload;
    watch.until(1100);
    expect(watch.events).toEqual([]);
    // The client sends, and the application does not read on.
    upload.add(new Uint8Array(10));
    watch.until(1200);
    expect(watch.events).toEqual([]);
    watch.until(1220);
    expect(watch.events).toEqual(['1220 late 0 worker 1 turns']);
  });

  test('the time of a request restarts while a debugger is attached', () => {
    const watch = new Watch();
    const link = watch.worker(1);
    watch.place.submit();
    watch.place.run(link);
    watch.isHeld = true;
    watch.until(1000);
    expect(watch.events).toEqual([]);
    watch.isHeld = false;
    watch.until(1300);
    expect(watch.events[0]).toMatch(/^\d+ late 0 worker 1 stuck$/);
  });

  test('does not count a pause of the acceptor itself', () => {
    const watch = new Watch();
    const link = watch.worker(1);
    watch.turning.add(link);
    watch.place.submit();
    watch.place.run(link);
    watch.until(100);
    watch.tick(10_000);
    expect(watch.events).toEqual([]);
    watch.until(10_200);
    expect(watch.events).toEqual([]);
    watch.until(10_220);
    expect(watch.events).toEqual(['10220 late 0 worker 1 turns']);
  });
});

describe('the loop of a worker', () => {
  test('a loop that misses the probe before the deadline is stuck in the late request, and its worker ends after the grace', () => {
    const watch = new Watch();
    const link = watch.worker(1);
    watch.place.submit();
    watch.place.run(link);
    watch.until(300);
    expect(watch.events).toEqual(['220 late 0 worker 1 stuck']);
    watch.until(320);
    expect(watch.events).toEqual(['220 late 0 worker 1 stuck', '320 stuck 1']);
  });

  test('a loop that turned after its worker took the request and then stopped is stuck elsewhere', () => {
    const watch = new Watch();
    const link = watch.worker(1);
    watch.place.submit();
    watch.place.run(link);
    watch.until(100);
    watch.turn(link);
    watch.until(320);
    expect(watch.events).toEqual(['220 late 0 worker 1 stuck elsewhere', '320 stuck 1']);
  });

  test('a worker whose loop turns within the grace is not ended', () => {
    const watch = new Watch();
    const link = watch.worker(1);
    watch.place.submit();
    watch.place.run(link);
    watch.until(300);
    watch.turn(link);
    watch.turning.add(link);
    watch.until(5000);
    expect(watch.events).toEqual(['220 late 0 worker 1 stuck']);
  });

  test('is probed once before a deadline, and each second if nothing else moves it', () => {
    const watch = new Watch();
    const link = watch.worker(1);
    watch.turning.add(link);
    watch.until(500);
    expect(link.probes).toBe(0);
    watch.until(3500);
    expect(link.probes).toBe(3);
    watch.place.submit(watch.now);
    watch.place.run(link);
    watch.until(3700);
    expect(link.probes).toBe(4);
  });

  test.each([
    ['handlerTimeout', { handlerTimeout: 300, killGrace: 100 }, 1320],
    ['killGrace, if that is longer', { handlerTimeout: 100, killGrace: 700 }, 1720],
  ])('a worker without a waiting client ends if it answers no probe for %s', (_, limits, at) => {
    const watch = new Watch(limits);
    const link = watch.worker(1);
    watch.until(at - 20);
    expect([watch.events, link.probes]).toEqual([[], 1]);
    watch.until(at);
    expect(watch.events).toEqual([`${at} stuck 1`]);
  });

  test('is not ended while one of its requests has extended time left', () => {
    const watch = new Watch();
    const link = watch.worker(1);
    watch.place.submit();
    watch.place.run(link);
    watch.place.submit();
    watch.place.table.extend(watch.place.run(link), 1000);
    watch.until(1000);
    expect(watch.events).toEqual(['220 late 0 worker 1 stuck']);
    watch.until(1100);
    expect(watch.events).toEqual(['220 late 0 worker 1 stuck', '1020 stuck 1', '1020 late 1 worker 1 stuck']);
  });

  test('a worker whose loop stopped is not ended before the extended time of its request is over', () => {
    const watch = new Watch();
    const link = watch.worker(1);
    watch.place.submit();
    watch.place.table.extend(watch.place.run(link), 2000);
    watch.until(2000);
    expect([watch.events, link.probes]).toEqual([[], 2]);
    watch.until(2100);
    expect(watch.events).toEqual(['2020 late 0 worker 1 stuck', '2020 stuck 1']);
  });

  test('is not ended while a debugger is attached', () => {
    const watch = new Watch();
    const link = watch.worker(1);
    watch.isHeld = true;
    watch.until(10_000);
    expect(watch.events).toEqual([]);
    expect(link.probes).toBe(1);
  });

  test('the loop of a worker that leaves is not watched', () => {
    const watch = new Watch();
    const link = watch.worker(1);
    link.setLive(false);
    watch.until(5000);
    expect([watch.events, link.probes]).toEqual([[], 0]);
  });
});
