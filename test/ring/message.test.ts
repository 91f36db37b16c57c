/**
 * What is read out of a request holds no more memory than it shows.
 */
import v8 from 'node:v8';
import vm from 'node:vm';
import { expect, test } from 'vitest';
import { RequestReader, SlabView } from '../../src/ring/message.ts';

v8.setFlagsFromString('--expose-gc');
const gc = vm.runInNewContext('gc') as () => void;

test('who keeps the addresses of requests keeps nothing else of them', () => {
  const words = new Int32Array(4);
  const bytes = new Uint8Array(12_000).fill(120);
  const head = { flags: 0, bytes, start: 0, length: bytes.length, words, spans: 0, headerCount: 1 };
  const request = { ...head, methodLength: 3, targetOffset: 4, targetLength: 1 };
  const view = new SlabView(new SharedArrayBuffer(16_384));
  const reader = new RequestReader(view);
  const kept: string[] = [];
  const heapOf = (requests: number) => {
    for (let i = 0; i < requests; i++) {
      const address = `2001:db8:1234:5678:9abc:def0:${1000 + i}:0`;
      const peers = { remoteAddress: address, remotePort: 1, localAddress: '2001:db8::1', localPort: 2 };
      view.writeRequest(0, request, peers);
      view.finishRequest(0, 0, false, i);
      reader.read(0, 0, 0);
      expect([reader.remoteAddress, reader.localAddress]).toEqual([address, '2001:db8::1']);
      kept.push(reader.remoteAddress, reader.localAddress);
    }
    gc();
    return process.memoryUsage().heapUsed;
  };
  const before = heapOf(100);
  expect(heapOf(1000) - before).toBeLessThan(2_000_000);
});
