/**
 * Server-sent events at scale: many open streams do not slow ordinary requests, and a closed client ends its producer.
 */
import http from 'node:http';
import { once } from 'node:events';
import { describe, expect, test } from 'vitest';
import { LONG } from '../support/long.ts';
import { appFile, serveFile } from '../support/server.ts';
import { until } from '../support/until.ts';

const STREAMS = LONG ? 1000 : 300;
const REQUESTS = 400;

/**
 * Streams one event per second, as TSGI and as a Node listener. `/open` returns the number of producers of its worker.
 */
const TSGI = `let open = 0;
  async function* events() {
    open += 1;
    try { for (;;) { yield 'data: tick\\n\\n'; await new Promise((resolve) => setTimeout(resolve, 1000)); } }
    finally { open -= 1; }
  }
  export default (environ, startResponse) => {
    startResponse(200, [['content-type', 'text/event-stream']]);
    return environ.PATH_INFO === '/events' ? events() : String(open);
  };`;
const NODE = `let open = 0;
  export default (request, response) => {
    response.setHeader('content-type', 'text/event-stream');
    if (request.url !== '/events') return response.end(String(open));
    open += 1;
    response.write('data: tick\\n\\n');
    const timer = setInterval(() => response.write('data: tick\\n\\n'), 1000);
    response.on('close', () => { open -= 1; clearInterval(timer); });
  };`;

const agent = new http.Agent({ maxSockets: Number.POSITIVE_INFINITY });

/** Resolves at the first event. */
async function stream(url: string): Promise<http.IncomingMessage> {
  const request = http.get(`${url}/events`, { agent });
  const [response] = (await once(request, 'response')) as [http.IncomingMessage];
  response.on('error', () => {});
  await once(response, 'data');
  return response;
}

/** p99 of one request at a time, ms. */
async function p99(url: string): Promise<number> {
  const times: number[] = [];
  for (let i = 0; i < REQUESTS; i++) {
    const start = performance.now();
    await (await fetch(url)).text();
    times.push(performance.now() - start);
  }
  return times.sort((a, b) => a - b)[Math.floor(REQUESTS * 0.99)]!;
}

describe.each([
  ['tsgi', TSGI],
  ['node', NODE],
] as const)('%s', (name, source) => {
  test(`${STREAMS} streams on two workers leave ordinary requests at their p99, and end with their clients`, async () => {
    const { server } = await serveFile(appFile(source), 2, { interface: name });
    const { url } = server;
    const before = await p99(url);
    const streams = await Promise.all(Array.from({ length: STREAMS }, () => stream(url)));
    const beside = await p99(url);
    expect(server.stats().inFlight).toBe(STREAMS);
    // Timers of this process and its clients contribute to it.
    expect(beside).toBeLessThan(5 * before + 25);
    for (const response of streams) response.destroy();
    await until(() => server.stats().inFlight === 0);
    const open = async () => Number(await (await fetch(url)).text());
    await until(async () => (await open()) + (await open()) === 0);
  });
});
