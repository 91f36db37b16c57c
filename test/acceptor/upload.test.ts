/**
 * A body on its way to a worker: the bytes that are sent, and the bytes that wait.
 */
import { expect, test } from 'vitest';
import { Upload } from '../../src/acceptor/exchange/upload.ts';
import { byteRingBuffer, RingConsumer, RingProducer } from '../../src/ring/byte-ring.ts';
import { END, kindOf, RecordKind } from '../../src/ring/message.ts';

const INDEX = 7;
const GENERATION = 3;
const WINDOW = 256 * 1024;

function setUp(capacity: number): { upload: Upload; producer: RingProducer; consumer: RingConsumer } {
  const buffer = byteRingBuffer(capacity);
  const upload = new Upload();
  upload.wanted = true;
  return { upload, producer: new RingProducer(buffer), consumer: new RingConsumer(buffer) };
}

/** Reads everything in the ring. Returns the bytes, and whether the end was there. */
function take(consumer: RingConsumer): { bytes: number; end: boolean } {
  let bytes = 0;
  let end = false;
  while (consumer.next()) {
    expect([kindOf(consumer.kind), consumer.exchange, consumer.generation]).toEqual([
      RecordKind.BODY,
      INDEX,
      GENERATION,
    ]);
    bytes += consumer.length;
    end ||= (consumer.kind & END) !== 0;
    consumer.release();
  }
  return { bytes, end };
}

test('no byte is sent before the application reads', () => {
  const { upload, producer, consumer } = setUp(1024 * 1024);
  upload.wanted = false;
  upload.add(new Uint8Array(10));
  expect(upload.pump(producer, INDEX, GENERATION, 0)).toBe(false);
  upload.wanted = true;
  expect(upload.pump(producer, INDEX, GENERATION, 0)).toBe(true);
  expect(take(consumer)).toEqual({ bytes: 10, end: false });
});

test('at most one window is unread, and consumed bytes open it again', () => {
  const { upload, producer, consumer } = setUp(1024 * 1024);
  for (let i = 0; i < 10; i++) upload.add(new Uint8Array(50_000));
  upload.end();
  upload.pump(producer, INDEX, GENERATION, 0);
  expect(take(consumer)).toEqual({ bytes: WINDOW, end: false });
  expect(upload.waiting).toBe(500_000 - WINDOW);
  expect(upload.pump(producer, INDEX, GENERATION, 0)).toBe(false);
  upload.pump(producer, INDEX, GENERATION, 1000);
  expect(take(consumer)).toEqual({ bytes: 1000, end: false });
  upload.pump(producer, INDEX, GENERATION, 400_000);
  expect(take(consumer)).toEqual({ bytes: 500_000 - WINDOW - 1000, end: true });
  expect([upload.waiting, upload.done]).toEqual([0, true]);
});

test('an upload registers with a full ring, which reports when it has space', () => {
  const { upload, producer, consumer } = setUp(64 * 1024);
  for (let i = 0; i < 4; i++) upload.add(new Uint8Array(30_000));
  expect(upload.pump(producer, INDEX, GENERATION, 0)).toBe(true);
  expect(upload.waiting).toBeGreaterThan(0);
  expect(consumer.takeWaiting()).toBe(true);
  let bytes = 0;
  for (let end = false; !end;) {
    const taken = take(consumer);
    bytes += taken.bytes;
    end = taken.end;
    if (upload.waiting === 0) upload.end();
    upload.pump(producer, INDEX, GENERATION, bytes);
  }
  expect(bytes).toBe(120_000);
});

test('the end also waits for space', () => {
  const { upload, producer, consumer } = setUp(64 * 1024);
  while (producer.claim(0) !== -1) producer.commit(0, RecordKind.BODY, INDEX, GENERATION);
  upload.end();
  expect(upload.pump(producer, INDEX, GENERATION, 0)).toBe(false);
  expect([upload.done, consumer.takeWaiting()]).toEqual([false, true]);
  take(consumer);
  upload.pump(producer, INDEX, GENERATION, 0);
  expect(take(consumer)).toEqual({ bytes: 0, end: true });
});

test('a finished upload sends nothing', () => {
  const { upload, producer, consumer } = setUp(1024 * 1024);
  upload.add(new Uint8Array(10));
  upload.close();
  upload.add(new Uint8Array(10));
  expect(upload.pump(producer, INDEX, GENERATION, 0)).toBe(false);
  expect(take(consumer)).toEqual({ bytes: 0, end: false });
});
