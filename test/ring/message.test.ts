/**
 * A request is read from the slab as it was written, and its parts retain no other memory.
 */
import v8 from 'node:v8';
import vm from 'node:vm';
import { expect, test } from 'vitest';
import { encodePeers, RequestReader, SlabView } from '../../src/ring/message.ts';

v8.setFlagsFromString('--expose-gc');
const gc = vm.runInNewContext('gc') as () => void;

test('the addresses of requests retain no other part of them', () => {
  const bytes = new Uint8Array(12_000).fill(120);
  const words = new Int32Array(bytes.buffer);
  const head = { flags: 0, bytes, words, start: 0, length: bytes.length, spans: 0, headerCount: 1 };
  const request = { ...head, methodLength: 3, targetOffset: 4, targetLength: 1 };
  const view = new SlabView(new SharedArrayBuffer(16_384));
  const reader = new RequestReader(view);
  const kept: string[] = [];
  const heapOf = (requests: number) => {
    for (let i = 0; i < requests; i++) {
      const address = `2001:db8:1234:5678:9abc:def0:${1000 + i}:0`;
      const peers = { remoteAddress: address, remotePort: 1, localAddress: '2001:db8::1', localPort: 2 };
      view.writeRequest(0, request, encodePeers(peers, 7));
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

/** A head of `length` bytes at `start`, and its span table, in memory with other contents. */
function headOf(length: number, start: number, headerCount: number) {
  const memory = new ArrayBuffer(8192);
  const bytes = new Uint8Array(memory).fill(0x5a);
  const words = new Int32Array(memory);
  for (let i = 0; i < length; i++) bytes[start + i] = 33 + (i % 90);
  const spans = 1024;
  for (let i = 0; i < headerCount * 4; i++) words[spans + i] = i * 7;
  return {
    flags: 9,
    bytes,
    words,
    start,
    length,
    spans,
    headerCount,
    methodLength: 3,
    targetOffset: 4,
    targetLength: 1,
  };
}

test('a head of any length at any place is read as it was written, and no byte beside it is touched', () => {
  const buffer = new SharedArrayBuffer(16_384);
  const slab = new Uint8Array(buffer);
  const view = new SlabView(buffer);
  const reader = new RequestReader(view);
  const peers = { remoteAddress: '1', remotePort: 2, localAddress: '', localPort: 3 };
  const at = 1024;
  for (let length = 0; length < 300; length++) {
    for (let start = 64; start < 72; start++) {
      const head = headOf(length, start, length % 13);
      slab.fill(0xee);
      const end = view.writeRequest(at, head, encodePeers(peers, 7));
      view.finishRequest(at, 0, false, 1);
      reader.read(0, 0, at);
      expect(reader.head).toBe(Buffer.from(head.bytes.slice(start, start + length)).toString('latin1'));
      expect([reader.remoteAddress, reader.localAddress]).toEqual(['1', '']);
      const words = reader.headerCount * 4;
      expect([...reader.spans.slice(reader.spansStart, reader.spansStart + words)]).toEqual([
        ...head.words.slice(head.spans, head.spans + words),
      ]);
      const behind = (end + 3) & ~3;
      expect(slab.subarray(0, at).every((byte) => byte === 0xee)).toBe(true);
      expect(slab.subarray(behind).every((byte) => byte === 0xee)).toBe(true);
    }
  }
});

test('addresses belong to the current request, whatever came before', () => {
  const view = new SlabView(new SharedArrayBuffer(4096));
  const reader = new RequestReader(view);
  const seen = ['127.0.0.1', '127.0.0.2', '127.0.0', '', '::1', '127.0.0.1'];
  for (const remoteAddress of seen) {
    for (const localAddress of seen) {
      const peers = encodePeers({ remoteAddress, remotePort: 1, localAddress, localPort: 2 }, 7);
      view.writeRequest(0, headOf(20, 64, 0), peers);
      view.finishRequest(0, 0, false, 1);
      reader.read(0, 0, 0);
      expect([reader.remoteAddress, reader.localAddress]).toEqual([remoteAddress, localAddress]);
    }
  }
});
