/**
 * The client. It sends the next request as soon as a response arrives, or one request per interval.
 */
import http from 'node:http';
import { clearInterval, setInterval } from 'node:timers';
import { setTimeout as wait } from 'node:timers/promises';

/** Sends one request. Resolves with the whole response and its time, ms. Rejects if there is no response. */
export function ask(url, { path, method = 'GET', body }, agent) {
  const sent = performance.now();
  return new Promise((resolve, reject) => {
    const request = http.request(url + path, { method, agent }, (response) => {
      const chunks = [];
      response.on('data', (chunk) => chunks.push(chunk)).on('error', reject);
      response.on('end', () => {
        const { statusCode: status, headers } = response;
        resolve({ status, headers, bytes: Buffer.concat(chunks), milliseconds: performance.now() - sent });
      });
    });
    request.on('error', reject).end(body);
  });
}

async function mustAnswer(url, asked, agent) {
  const answer = await ask(url, asked, agent);
  if (answer.status !== 200) throw new Error(`${url}${asked.path} answered with ${answer.status}`);
  return answer;
}

/**
 * `connections` clients send requests without a pause for `seconds`. Returns the number of responses, and the seconds
 * until the last.
 */
export async function keepAsking(url, asked, { connections, seconds }) {
  const agent = new http.Agent({ keepAlive: true, maxSockets: connections });
  const start = performance.now();
  let answered = 0;
  const client = async () => {
    while (performance.now() - start < seconds * 1000) {
      await mustAnswer(url, asked, agent);
      answered += 1;
    }
  };
  await Promise.all(Array.from({ length: connections }, client));
  agent.destroy();
  return { answered, seconds: (performance.now() - start) / 1000 };
}

/** A request each `every` ms for `seconds`, on as many connections as necessary. Returns the time of each, ms. */
export async function askEvery(url, asked, { every, seconds }) {
  const agent = new http.Agent({ keepAlive: true });
  const pending = [];
  const timer = setInterval(() => pending.push(mustAnswer(url, asked, agent)), every);
  await wait(seconds * 1000);
  clearInterval(timer);
  const answers = await Promise.all(pending);
  agent.destroy();
  return answers.map(({ milliseconds }) => milliseconds);
}
