/**
 * `npm run sockets`: many open WebSockets on two workers, each with a message now and then, and a reload in the middle.
 *
 * Prints the outcome of every message and the cost of an open socket, beside node:http in the same run. The exit code
 * is 1 if a message was lost, or if a socket closed for another reason than the reload.
 *
 *   --sockets 10000   how many
 *   --seconds 60      for how long
 *   --every 10        seconds between two messages of one socket
 *   --short           the version of `npm run check`: 1,000 sockets for ten seconds
 */
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { Crowd } from './sockets/crowd.js';
import { Subject } from './sockets/subject.js';

const WORKERS = 2;
const { values } = parseArgs({
  options: {
    sockets: { type: 'string' },
    seconds: { type: 'string' },
    every: { type: 'string' },
    short: { type: 'boolean', default: false },
  },
});
const { sockets, seconds, every } = Object.fromEntries(
  Object.entries(
    values.short ? { sockets: 1000, seconds: 10, every: 2 } : { sockets: 10_000, seconds: 60, every: 10 },
  ).map(([name, value]) => [name, Number(values[name] ?? value)]),
);
const wait = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));
const progress = (text) => process.stderr.isTTY && console.error(text);

checkDescriptors();
const ours = await measure(await Subject.onOurs(WORKERS, sockets), { reloads: true });
const node = await measure(await Subject.onNode(), { reloads: false });
report();

/** Each of this server's sockets, and the process itself, needs one descriptor on either side. */
function checkDescriptors() {
  if (process.platform !== 'linux') return;
  const most = /Max open files\s+(\d+)/.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1];
  const needed = sockets + 500;
  if (Number(most) >= needed) return;
  console.error(
    `${sockets} sockets need ${needed} open files, but the limit is ${most}. Raise it with ulimit -n ${needed}.`,
  );
  process.exit(2);
}

async function measure(subject, { reloads }) {
  const crowd = new Crowd({ url: subject.url.replace('http', 'ws'), sockets, every: every * 1000 });
  try {
    const before = subject.memory;
    const start = performance.now();
    await crowd.opened();
    const opened = (performance.now() - start) / 1000;
    progress(`${sockets} open after ${opened.toFixed(1)} s`);
    await wait(reloads ? (seconds * 1000) / 2 : every * 1000);
    const memory = (subject.memory - before) / sockets;
    if (reloads) await reloaded(subject);
    const cores = await coresDuring(subject, reloads ? (seconds * 1000) / 2 : every * 1000);
    return { ...(await crowd.finished()), memory, opened, cores, log: subject.log };
  } finally {
    crowd.kill();
    await subject.end();
  }
}

async function reloaded(subject) {
  progress('a reload');
  await subject.reload();
}

/** The times of the last part, in which most sockets have reconnected. */
async function coresDuring(subject, milliseconds) {
  await wait(milliseconds / 2);
  const [cpu, start] = [subject.cpu, performance.now()];
  await wait(milliseconds / 2);
  return (1000 * (subject.cpu - cpu)) / (performance.now() - start);
}

function report() {
  const problems = [...new Set([...ours.bad, ...node.bad])];
  if (ours.lost + node.lost > 0) problems.push(`lost: ${ours.lost}, on node:http ${node.lost}`);
  if (ours.restarted < sockets) problems.push(`only ${ours.restarted} were closed by the reload`);
  const at = ({ times }, part) => `${times[Math.floor(times.length * part)]?.toFixed(1)} ms`;
  const kilobytes = ({ memory }) => `${(memory / 1024).toFixed(1)} KiB`;
  console.log(
    `${problems.length === 0 ? 'ok    ' : 'FAILED'} sockets: ${sockets} open on ${WORKERS} workers after ${ours.opened.toFixed(1)} s (node:http: ${node.opened.toFixed(1)} s), each said something every ${every} s for ${seconds} s: ${ours.said} messages, ${ours.lost} lost`,
  );
  console.log(
    `       reload: ${ours.restarted} closed with 1012, ${ours.again} messages said again, ${ours.refused} handshakes refused and tried again, all back after ${(ours.away / 1000).toFixed(1)} s at the longest`,
  );
  console.log(
    `       an open socket: ${kilobytes(ours)}, node:http ${kilobytes(node)}; echo p50 ${at(ours, 0.5)}, p99 ${at(ours, 0.99)}, node:http ${at(node, 0.5)}, ${at(node, 0.99)}; CPU ${ours.cores.toFixed(2)} cores, node:http ${node.cores.toFixed(2)}`,
  );
  for (const problem of problems) console.log(`       ${problem}`);
  if (problems.length > 0) process.stderr.write(ours.log);
  process.exitCode = problems.length === 0 ? 0 : 1;
}
