/**
 * Ports of this machine: which are free, and where something listens.
 */
import { once } from 'node:events';
import net from 'node:net';
import { until } from './until.ts';

/** A port that is free now. Another process may take it before the test uses it, which the test then reports. */
export async function freePort(): Promise<number> {
  const server = net.createServer().listen(0);
  await once(server, 'listening');
  const { port } = server.address() as net.AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** Whether a TCP connection to this address is accepted. */
export function accepts(port: number, host: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect(port, host, () => resolve(true));
    socket.once('error', () => resolve(false));
    socket.once('close', () => socket.destroy());
    socket.once('connect', () => socket.destroy());
  });
}

/** Resolves when a TCP connection to this address is accepted. */
export async function accepting(port: number, host = '127.0.0.1'): Promise<void> {
  await until(() => accepts(port, host));
}
