/**
 * The expected waiting time of a queue, from the recent number of responses.
 */
import { expect, test } from 'vitest';
import { Throughput } from '../../src/acceptor/turn/throughput.ts';

/** `rate` responses a second for two seconds, sampled like in the acceptor. */
function at(rate: number): Throughput {
  const throughput = new Throughput();
  for (let now = 1000; now <= 3000; now += 20) throughput.sample((rate * (now - 1000)) / 1000, now, true);
  return throughput;
}

test.each([
  [100, 0, 1],
  [100, 50, 1],
  [100, 100, 1],
  [100, 250, 3],
  [100, 1024, 11],
  [2, 9, 5],
  [1, 1000, 60],
])('at %d responses a second, %d requests take %d s', (rate, requests, seconds) => {
  expect(at(rate).secondsFor(requests)).toBe(seconds);
});

test('the estimate without any response is a second', () => {
  expect(new Throughput().secondsFor(1000)).toBe(1);
});

test('the estimate follows a change within seconds', () => {
  const throughput = at(1000);
  let answered = 2000;
  for (let now = 3020; now <= 9000; now += 20) throughput.sample((answered += 0.2), now, true);
  expect(throughput.secondsFor(100)).toBeGreaterThanOrEqual(8);
});

test('time without waiting requests does not count', () => {
  const throughput = at(100);
  throughput.sample(200, 60_000, false);
  throughput.sample(202, 60_020, true);
  expect(throughput.secondsFor(250)).toBe(3);
});

test('the first responses count only for the time that they took', () => {
  const throughput = new Throughput();
  // One every 60 ms. A tick with one response measures 50 a second.
  for (let now = 1000; now <= 1600; now += 20) throughput.sample(Math.floor((now - 1000) / 60), now, true);
  expect(throughput.secondsFor(40)).toBe(3);
});
