/**
 * Measures an example on both servers in turns, under the same load.
 *
 * The figures are the throughput at full load, and the delay that one such request at a time causes for cheap requests
 * beside it.
 */
import { askEvery, keepAsking } from './client.js';
import { CHEAP } from './examples.js';
import { startBoth } from './servers.js';

const ROUNDS = 2;
/** Each worker must warm up by itself. */
const WARM_UP = { connections: 8, seconds: 3 };
export const FULL = { connections: 8, seconds: 2 };
const ALONE = { connections: 1, seconds: 2 };
export const BESIDE = { every: 5, seconds: 2 };

/** Figures of node:http and of tsgi-threads: requests a second, ms of CPU a request, p99 of the cheap ones in ms. */
export async function measure(example) {
  const subjects = await startBoth(example);
  const trials = subjects.map((subject) => new Trial(subject, example.page));
  for (const trial of trials) await trial.warmUp();
  for (let round = 0; round < ROUNDS; round++) {
    for (const trial of trials) await trial.round();
  }
  for (const subject of subjects) await subject.end();
  return trials.map((trial) => trial.figures());
}

class Trial {
  #subject;
  #page;
  #answered = 0;
  #seconds = 0;
  #cpu = 0;
  #cheap = [];

  constructor(subject, page) {
    this.#subject = subject;
    this.#page = page;
  }

  async warmUp() {
    await keepAsking(this.#subject.url, this.#page, WARM_UP);
  }

  async round() {
    const { url } = this.#subject;
    const before = this.#subject.cpu();
    const { answered, seconds } = await keepAsking(url, this.#page, FULL);
    this.#cpu += this.#subject.cpu() - before;
    this.#answered += answered;
    this.#seconds += seconds;
    const [times] = await Promise.all([askEvery(url, CHEAP, BESIDE), keepAsking(url, this.#page, ALONE)]);
    this.#cheap.push(...times);
  }

  figures() {
    const sorted = [...this.#cheap].sort((a, b) => a - b);
    return {
      perSecond: this.#answered / this.#seconds,
      cpu: (1000 * this.#cpu) / this.#answered,
      p99: sorted[Math.floor(sorted.length * 0.99)],
    };
  }
}
