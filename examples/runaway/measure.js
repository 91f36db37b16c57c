/**
 * The same trial for each server: ordinary load, a runaway request, a second one, the end of the load, silence.
 *
 * `measure` reports events as they happen and returns the figures.
 */
import http from 'node:http';
import { clearInterval, clearTimeout, setInterval } from 'node:timers';
import { setTimeout as wait } from 'node:timers/promises';
import { ask, Load } from './load.js';

/** At the end, this many requests for work at once (more than there are workers), and the longest wait for each, ms. */
const PROBES = 8;
const PROBE_WAIT = 1500;

/** `times` in ms: `calm` before the first runaway, `after` each, `silence` after the load. */
export async function measure(subject, times, say) {
  const load = new Load(subject.url);
  const clock = startClock(subject, load, say);
  await wait(times.calm);
  const runaways = [];
  for (const which of ['first', 'second']) {
    runaways.push(new Runaway(subject.url, which, say));
    await wait(times.after);
  }
  load.stop();
  say('   the load has ended: no client sends requests any more');
  const cores = await coresDuring(subject, times.silence);
  clock.stop();
  const workers = await workersThatAnswer(subject.url);
  const figures = { name: subject.name, ...ordinary(load), runaways: runaways.map(String), cores, workers };
  load.end();
  runaways.forEach((runaway) => runaway.end());
  return figures;
}

/** Prints a line a second. */
function startClock(subject, load, say) {
  const start = performance.now();
  let [cpu, at] = [subject.cpu(), start];
  say('   second   answered   failed   hang > 1 s   longest wait     CPU');
  const timer = setInterval(() => {
    const now = performance.now();
    const { answered, failed, hang, longest } = load.second();
    const used = subject.cpu();
    const share = (100 * (used - cpu)) / ((now - at) / 1000);
    [cpu, at] = [used, now];
    const cells = [
      [((now - start) / 1000).toFixed(0), 9],
      [answered, 11],
      [failed, 9],
      [hang, 13],
      [`${longest.toFixed(0)} ms`, 15],
      [Number.isNaN(share) ? '?' : `${share.toFixed(0)} %`, 8],
    ];
    say(cells.map(([text, width]) => String(text).padStart(width)).join(''));
  }, 1000);
  return { stop: () => clearInterval(timer) };
}

/**
 * The client of the request that never returns. If the server responds, it sends another request on the same
 * connection.
 */
class Runaway {
  #agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  #request;
  #outcome = '';

  constructor(url, which, say) {
    say(`-> the ${which} request to /runaway`);
    this.#request = ask(`${url}/runaway`, this.#agent);
    void this.#follow(url, (text) => say(`<- the ${which} runaway: ${text}`));
  }

  async #follow(url, say) {
    const first = await this.#request.answer;
    if (first.error !== undefined) return;
    this.#outcome = `${first.status} after ${(first.milliseconds / 1000).toFixed(2)} s`;
    const next = await ask(url, this.#agent).answer;
    const where = next.port === first.port ? 'same connection' : 'new connection';
    this.#outcome += `; ${where}: ${next.status ?? next.error.code}`;
    say(this.#outcome);
  }

  toString() {
    const seconds = ((performance.now() - this.#request.sent) / 1000).toFixed(1);
    return this.#outcome === '' ? `no answer in ${seconds} s` : this.#outcome;
  }

  end() {
    this.#request.giveUp();
    this.#agent.destroy();
  }
}

function ordinary({ sent, answered, failed, waiting, longest }) {
  return { sent, answered, failed, waiting, longest };
}

async function coresDuring(subject, milliseconds) {
  const [cpu, start] = [subject.cpu(), performance.now()];
  await wait(milliseconds);
  return (subject.cpu() - cpu) / ((performance.now() - start) / 1000);
}

/** The number of different workers that answer when several requests for work arrive at once. */
async function workersThatAnswer(url) {
  const requests = Array.from({ length: PROBES }, () => ask(`${url}/work`, false));
  const names = new Set();
  const answers = requests.map(async ({ answer }) => {
    const { status, text } = await answer;
    if (status === 200) names.add(text);
  });
  const timer = setTimeout(() => requests.forEach((request) => request.giveUp()), PROBE_WAIT);
  await Promise.all(answers);
  clearTimeout(timer);
  return names.size;
}
