/**
 * WebSockets of the library's own client, opened for a test and closed with it.
 */
import { once } from 'node:events';
import { onTestFinished } from 'vitest';
import { WebSocket } from 'ws';

export async function open(port: number, target = '/echo'): Promise<WebSocket> {
  const ws = new WebSocket(`ws://127.0.0.1:${port}${target}`);
  onTestFinished(() => ws.terminate());
  ws.on('error', () => {});
  await once(ws, 'open');
  return ws;
}

export async function ask(ws: WebSocket, message: string): Promise<string> {
  ws.send(message);
  return String((await once(ws, 'message'))[0]);
}
