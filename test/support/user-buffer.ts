/**
 * Removes, for one test, the method with which sockets read into a given buffer, like a Node with different handles.
 */
import { once } from 'node:events';
import net from 'node:net';
import { onTestFinished } from 'vitest';

/** Replaces the method of Node's handles that takes the buffer, until the test ends. */
export async function replaceUserBuffer(value: unknown): Promise<void> {
  const holder = await holderOfUserBuffer();
  const { useUserBuffer } = holder;
  onTestFinished(() => {
    holder.useUserBuffer = useUserBuffer;
  });
  holder.useUserBuffer = value;
}

/** The prototype of Node's handles that has the method. */
async function holderOfUserBuffer(): Promise<{ useUserBuffer: unknown }> {
  const listener = net.createServer();
  await once(listener.listen(0, '127.0.0.1'), 'listening');
  const client = net.connect((listener.address() as net.AddressInfo).port, '127.0.0.1');
  await once(client, 'connect');
  let holder = (client as unknown as { _handle: object })._handle;
  while (!Object.hasOwn(holder, 'useUserBuffer')) holder = Object.getPrototypeOf(holder) as object;
  client.destroy();
  listener.close();
  return holder as { useUserBuffer: unknown };
}
