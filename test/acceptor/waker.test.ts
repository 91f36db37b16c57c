/**
 * Which sleeping worker the acceptor wakes. The stall check has a timer of 1 ms, which the tests move by hand.
 */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Waker } from '../../src/acceptor/turn/waker.ts';
import type { WorkerLink } from '../../src/acceptor/workers/worker-link.ts';
import { Workplace } from './workplace.ts';

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }));
afterEach(() => void vi.useRealTimers());

const CHEAP = { cost: 199 };
const HEAVY = { cost: 200 };
const SLEEPS = { asleep: true };

/** Ringing a worker wakes it: its ASLEEP word is 0 afterwards. */
function awake(...links: WorkerLink[]): boolean[] {
  return links.map((link) => !link.asleep);
}

function open() {
  const place = new Workplace();
  return { place, waker: new Waker(place.links, place.ring) };
}

test('an empty queue wakes no worker', () => {
  const { place, waker } = open();
  const sleeper = place.addWorker(1, SLEEPS);
  waker.wake();
  vi.advanceTimersByTime(10);
  expect(awake(sleeper)).toEqual([false]);
});

test('a request wakes one sleeping worker: the one that holds the fewest exchanges', () => {
  const { place, waker } = open();
  const [one, two, three] = [3, 1, 2].map((held, at) => place.addWorker(at + 1, { ...SLEEPS, held }));
  place.submit();
  waker.wake();
  expect(awake(one!, two!, three!)).toEqual([false, true, false]);
});

test('a sleeping worker that is not live is not woken', () => {
  const { place, waker } = open();
  const [leaving, other] = [place.addWorker(1, SLEEPS), place.addWorker(2, { ...SLEEPS, held: 5 })];
  leaving.setLive(false);
  place.submit();
  waker.wake();
  expect(awake(leaving, other)).toEqual([false, true]);
});

test.each([
  ['cheap', CHEAP, false],
  ['heavy', HEAVY, true],
  ['of unknown cost', { cost: -1 }, true],
])('beside an awake worker that is %s, a request wakes another one: %o, %s', (_, words, woken) => {
  const { place, waker } = open();
  place.addWorker(1, words);
  const sleeper = place.addWorker(2, SLEEPS);
  place.submit();
  waker.wake();
  expect(awake(sleeper)).toEqual([woken]);
  waker.stop();
});

test('an awake worker that is cheap and not live holds no other back', () => {
  const { place, waker } = open();
  place.addWorker(1, CHEAP).setLive(false);
  const sleeper = place.addWorker(2, SLEEPS);
  place.submit();
  waker.wake();
  expect(awake(sleeper)).toEqual([true]);
});

test('if the head of the queue has not moved for a millisecond, the next sleeper is woken, one each millisecond', () => {
  const { place, waker } = open();
  place.addWorker(1, CHEAP);
  const [one, two] = [place.addWorker(2, SLEEPS), place.addWorker(3, { ...SLEEPS, held: 1 })];
  place.submit();
  waker.wake();
  expect(awake(one, two)).toEqual([false, false]);
  vi.advanceTimersByTime(1);
  expect(awake(one, two)).toEqual([true, false]);
  vi.advanceTimersByTime(1);
  expect(awake(one, two)).toEqual([true, true]);
  expect(vi.getTimerCount()).toBe(0);
});

test('if the head of the queue moves, no other worker is woken', () => {
  const { place, waker } = open();
  const cheap = place.addWorker(1, CHEAP);
  const sleeper = place.addWorker(2, SLEEPS);
  for (let i = 0; i < 5; i++) place.submit();
  waker.wake();
  for (let i = 0; i < 4; i++) {
    place.run(cheap);
    vi.advanceTimersByTime(1);
  }
  expect(awake(sleeper)).toEqual([false]);
  vi.advanceTimersByTime(1);
  expect(awake(sleeper)).toEqual([true]);
});

test('the check ends with the queue', () => {
  const { place, waker } = open();
  const cheap = place.addWorker(1, CHEAP);
  const sleeper = place.addWorker(2, SLEEPS);
  place.submit();
  waker.wake();
  place.run(cheap);
  vi.advanceTimersByTime(1);
  expect([...awake(sleeper), vi.getTimerCount()]).toEqual([false, 0]);
});

test('after stop() no worker is woken', () => {
  const { place, waker } = open();
  place.addWorker(1, CHEAP);
  const sleeper = place.addWorker(2, SLEEPS);
  place.submit();
  waker.wake();
  waker.stop();
  vi.advanceTimersByTime(10);
  expect(awake(sleeper)).toEqual([false]);
});
