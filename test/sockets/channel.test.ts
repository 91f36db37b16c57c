/**
 * `tsgi-threads/channel`: a message from one worker reaches the others.
 */
import { Worker } from 'node:worker_threads';
import { once } from 'node:events';
import { channel } from 'tsgi-threads/channel';
import { describe, expect, test } from 'vitest';
import { appFile, serveFile } from '../support/server.ts';

const CHANNEL = import.meta.resolve('tsgi-threads/channel');

describe('channel', () => {
  test('delivers to the other members, in order, and not to the sender', async () => {
    const [a, b, other] = [channel<number>('one'), channel<number>('one'), channel<number>('two')];
    const heard: string[] = [];
    a.subscribe((message) => heard.push(`a ${message}`));
    other.subscribe((message) => heard.push(`other ${message}`));
    const last = new Promise<void>((resolve) => {
      b.subscribe((message) => {
        heard.push(`b ${message}`);
        if (message === 2) resolve();
      });
    });
    a.publish(1);
    a.publish(2);
    await last;
    expect(heard).toEqual(['b 1', 'b 2']);
    for (const one of [a, b, other]) one.close();
  });

  test('ends with the function that subscribe returns, and a message that cannot be cloned throws in publish', async () => {
    const [a, b] = [channel<unknown>('ends'), channel<unknown>('ends')];
    const heard: unknown[] = [];
    const end = b.subscribe((message) => heard.push(message));
    const all = new Promise((resolve) => b.subscribe((message) => message === 'last' && resolve(null)));
    expect(() => a.publish(() => {})).toThrow(/could not be cloned/);
    end();
    a.publish('last');
    await all;
    expect(heard).toEqual([]);
    a.close();
    b.close();
  });

  test('keeps no thread alive', async () => {
    const worker = new Worker(
      `import(${JSON.stringify(CHANNEL)}).then(({ channel }) => channel('quiet').subscribe(() => {}))`,
      { eval: true },
    );
    expect(await once(worker, 'exit')).toEqual([0]);
  });

  test('reaches every worker of a server', async () => {
    const app = appFile(`import { channel } from ${JSON.stringify(CHANNEL)};
      const bus = channel('workers');
      const heard = [];
      const index = process.env.TSGI_WORKER_INDEX;
      bus.subscribe((message) => heard.push(message));
      export default (environ, startResponse) => {
        if (environ.PATH_INFO === '/say') bus.publish('from ' + index);
        startResponse(200, []);
        return JSON.stringify({ index, heard });
      };`);
    const { server } = await serveFile(app, 2, { affinity: 'query:to' });
    const ask = async (to: string, path = '/') =>
      (await (await fetch(`${server.url}${path}?to=${to}`)).json()) as { index: string; heard: string[] };
    const keys = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];
    const first = await ask(keys[0]!, '/say');
    let other = first;
    for (const key of keys) if ((other = await ask(key)).index !== first.index) break;
    while (other.heard.length === 0)
      for (const key of keys) {
        const answer = await ask(key);
        if (answer.index !== first.index) other = answer;
      }
    expect(other).toMatchObject({ heard: [`from ${first.index}`] });
  });
});
