/**
 * The process to which a debugger is connected, if several processes listen on one port at different addresses.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import net, { type AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { hasClients } from '../../src/debugger.ts';

/** Listens on a separate port, and connects to itself. */
const DEBUGGED = `
  const net = require('node:net');
  const server = net.createServer((socket) => console.log(server.address().port)).listen(0, '127.0.0.2', () => {
    net.connect(server.address().port, '127.0.0.2');
  });`;

test.runIf(process.platform === 'linux')(
  'a client of another process does not count for this process (C22)',
  async () => {
    const child = spawn(process.execPath, ['-e', DEBUGGED], { stdio: ['ignore', 'pipe', 'inherit'] });
    onTestFinished(() => void child.kill());
    const [line] = (await once(child.stdout, 'data')) as [Buffer];
    const port = Number(line);
    expect(hasClients(port, child.pid)).toBe(true);
    const server = net.createServer().listen(port, '127.0.0.1');
    onTestFinished(() => void server.close());
    await once(server, 'listening');
    expect(hasClients((server.address() as AddressInfo).port)).toBe(false);
  },
);
