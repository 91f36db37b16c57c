/**
 * Benchmarks of connections that applications take over: WebSockets with the library ws.
 */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { median, Subject } from './load.js';

const file = (name) => fileURLToPath(new URL(name, import.meta.url));
const CONNECTIONS = 64;
const SECONDS = 3;
const ROUNDS = 3;

/** Echoed messages a second, and CPU µs per echo. */
async function echo(subject, seconds) {
  const before = subject.cpu();
  const { port } = new URL(subject.url);
  const child = spawn(process.execPath, [file('ws-load.js'), port, CONNECTIONS, seconds].map(String));
  let text = '';
  for await (const more of child.stdout) text += more;
  return { perSecond: Number(text) / seconds, cpu: (subject.cpu() - before) / Number(text) };
}

/** Does a message cost less CPU, and is the throughput higher, than with ws on node:http in one process? */
export async function sockets(threads = 1) {
  const flags = ['--port', '0', '--threads', String(threads), '--no-supervise'];
  const subjects = [
    await new Subject('tsgi-threads', [file('../dist/cli/main.js'), file('ws-echo.js'), ...flags]).ready(),
    await new Subject('node:http', [file('ws-echo.js')]).ready(),
  ];
  const runs = subjects.map(() => []);
  for (const subject of subjects) await echo(subject, 1);
  for (let round = 0; round < ROUNDS; round++)
    for (const [index, subject] of subjects.entries()) runs[index].push(await echo(subject, SECONDS));
  for (const subject of subjects) await subject.end();
  const [a, b] = runs.map((all) => ({
    perSecond: median(all.map(({ perSecond }) => perSecond)),
    cpu: median(all.map(({ cpu }) => cpu)),
  }));
  const rate = (a.perSecond / b.perSecond).toFixed(2);
  const cpu = (a.cpu / b.cpu).toFixed(2);
  return `WebSocket echo, ${CONNECTIONS} connections, ${threads} worker(s): ${rate}× the messages of ws on node:http (${a.perSecond.toFixed(0)} : ${b.perSecond.toFixed(0)} a second), ${cpu}× its CPU a message (${a.cpu.toFixed(1)} : ${b.cpu.toFixed(1)} µs)`;
}
