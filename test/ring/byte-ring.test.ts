import { describe, expect, test } from 'vitest';
import {
  byteRingBuffer,
  INSUFFICIENT,
  RECORD_HEADER,
  RingConsumer,
  RingProducer,
} from '../../src/ring/byte-ring.ts';

function open(capacity = 256) {
  const buffer = byteRingBuffer(capacity);
  return { producer: new RingProducer(buffer), consumer: new RingConsumer(buffer) };
}

function put(producer: RingProducer, text: string, exchange = 1): boolean {
  const at = producer.claim(text.length);
  if (at === INSUFFICIENT) return false;
  producer.bytes.latin1Write(text, at);
  producer.commit(text.length, 2, exchange, 3);
  return true;
}

function take(consumer: RingConsumer): string | undefined {
  if (!consumer.next()) return undefined;
  const text = consumer.bytes.latin1Slice(consumer.offset, consumer.offset + consumer.length);
  consumer.release();
  return text;
}

describe('byte ring', () => {
  test('a record is read as it was written, with its kind, exchange and generation', () => {
    const { producer, consumer } = open();
    put(producer, 'hello', 42);
    expect(consumer.next()).toBe(true);
    expect([consumer.kind, consumer.exchange, consumer.generation, consumer.length]).toEqual([2, 42, 3, 5]);
    consumer.release();
    expect(consumer.next()).toBe(false);
  });

  test('claim alone publishes nothing, and a shorter commit frees the rest', () => {
    const { producer, consumer } = open();
    producer.claim(200);
    expect(consumer.ready()).toBe(false);
    producer.commit(0, 1, 0, 0);
    expect(take(consumer)).toBe('');
    expect(put(producer, 'x'.repeat(200))).toBe(true);
  });

  test('claim returns INSUFFICIENT in a full ring, and succeeds after release', () => {
    const { producer, consumer } = open(128);
    expect(put(producer, 'a'.repeat(112))).toBe(true);
    expect(put(producer, '')).toBe(false);
    expect(take(consumer)).toBe('a'.repeat(112));
    expect(put(producer, 'b')).toBe(true);
  });

  test('a record that would cross the end is padded to the start', () => {
    const { producer, consumer } = open(128);
    for (let i = 0; i < 50; i++) {
      const text = String.fromCharCode(97 + (i % 26)).repeat((i * 7) % 49);
      expect(put(producer, text)).toBe(true);
      expect(take(consumer)).toBe(text);
    }
  });

  test('maxPayload fits at every position of the ring', () => {
    for (let lead = 0; lead < 256; lead += 16) {
      const { producer, consumer } = open(256);
      if (lead >= RECORD_HEADER) {
        put(producer, 'x'.repeat(lead - RECORD_HEADER));
        take(consumer);
      }
      expect(put(producer, 'y'.repeat(producer.maxPayload))).toBe(true);
      expect(take(consumer)).toBe('y'.repeat(producer.maxPayload));
    }
  });

  test('takeWaiting is true once for each request of the producer', () => {
    const { producer, consumer } = open();
    expect(consumer.takeWaiting()).toBe(false);
    producer.awaitSpace();
    expect([consumer.takeWaiting(), consumer.takeWaiting()]).toEqual([true, false]);
  });
});
