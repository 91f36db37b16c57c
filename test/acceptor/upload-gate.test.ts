/**
 * The uploads that may have an unfinished body in the workers, and the uploads that wait.
 */
import { expect, test } from 'vitest';
import { Upload } from '../../src/acceptor/exchange/upload.ts';
import { UploadGate } from '../../src/acceptor/exchange/upload-gate.ts';

interface Entered {
  readonly uploads: Upload[];
  /** Indices of the admitted uploads, and of the uploads that had to leave again, in order. */
  readonly admitted: number[];
  readonly displaced: number[];
}

/** Enters `rates.length` uploads in order. Each sends at its rate in bytes a second. `isRipe`: its buffer is full. */
function enterAll(gate: UploadGate, rates: readonly number[], isRipe: boolean, now = 0): Entered {
  const admitted: number[] = [];
  const displaced: number[] = [];
  const uploads = rates.map(() => new Upload());
  for (const [index, upload] of uploads.entries()) {
    const waiter = {
      isRipe,
      bodyRate: () => rates[index]!,
      uploadOnPlace: () => admitted.push(index),
      uploadOnDisplaced: () => {
        displaced.push(index);
        gate.leave(upload);
      },
    };
    gate.enter(upload, waiter, now);
  }
  return { uploads, admitted, displaced };
}

function enter(gate: UploadGate, count: number): Entered {
  return enterAll(gate, Array<number>(count).fill(1000), true);
}

test('half of all places are open once the application is known to await its input', () => {
  const gate = new UploadGate(8);
  gate.setWorkers(2);
  gate.reads(false);
  const { uploads, admitted } = enter(gate, 6);
  expect(admitted).toEqual([0, 1, 2, 3]);
  gate.leave(uploads[2]!);
  gate.leave(uploads[2]!);
  expect(admitted).toEqual([0, 1, 2, 3, 4]);
  expect([gate.inside, gate.waiting]).toEqual([4, 1]);
});

test('fewer places than live workers are open before the first read', () => {
  const gate = new UploadGate(256);
  gate.setWorkers(4);
  const { admitted } = enter(gate, 6);
  expect(admitted).toEqual([0, 1, 2]);
  gate.reads(false);
  expect(admitted).toEqual([0, 1, 2, 3, 4, 5]);
});

test('fewer places than live workers are open after a read has blocked', () => {
  const gate = new UploadGate(256);
  gate.setWorkers(3);
  gate.reads(false);
  gate.reads(true);
  gate.reads(false);
  const { uploads, admitted } = enter(gate, 5);
  expect(admitted).toEqual([0, 1]);
  gate.setWorkers(2);
  gate.leave(uploads[0]!);
  expect(admitted).toEqual([0, 1]);
  gate.setWorkers(3);
  expect(admitted).toEqual([0, 1, 2]);
});

test('one place is open with one worker or none', () => {
  for (const workers of [0, 1]) {
    const gate = new UploadGate(1);
    gate.setWorkers(workers);
    gate.reads(true);
    expect(enter(gate, 3).admitted).toEqual([0]);
  }
});

test('an upload that leaves while it waits is never admitted', () => {
  const gate = new UploadGate(2);
  const { uploads, admitted } = enter(gate, 3);
  gate.leave(uploads[1]!);
  gate.leave(uploads[0]!);
  expect(admitted).toEqual([0, 2]);
});

test('an upload whose buffer is not full does not wait for a place after a read has blocked (A5)', () => {
  const gate = new UploadGate(256);
  gate.setWorkers(2);
  gate.reads(true);
  const { uploads, admitted } = enterAll(gate, [1000, 1000], false);
  expect([admitted, gate.waiting]).toEqual([[], 2]);
  gate.leave(uploads[0]!);
  expect(gate.waiting).toBe(1);
  gate.reads(false);
  expect([admitted, gate.buffersFirst]).toEqual([[], true]);
});

test('an interface that cannot block has half of all places at once (A5)', () => {
  const gate = new UploadGate(8);
  gate.setTraits(false);
  expect(enterAll(gate, [1, 1, 1, 1, 1], false).admitted).toEqual([0, 1, 2, 3]);
  gate.setTraits(true);
  expect(enter(gate, 1).admitted).toEqual([]);
});

test('the quickest waiting upload is next (A5)', () => {
  const gate = new UploadGate(2);
  const { uploads, admitted } = enterAll(gate, [10, 20, 500, 40], true);
  gate.leave(uploads[0]!);
  gate.leave(uploads[2]!);
  expect(admitted).toEqual([0, 2, 3]);
});

test('an upload that has waited for a second replaces the slowest, if that is less than half as quick (A5)', () => {
  const gate = new UploadGate(4);
  gate.setTraits(false);
  const { admitted, displaced } = enterAll(gate, [900, 300, 1000], true);
  gate.tick(900);
  expect(displaced).toEqual([]);
  gate.tick(1000);
  expect([displaced, admitted]).toEqual([[1], [0, 1, 2]]);
  const other = enterAll(gate, [1500], true, 1000);
  gate.tick(5000);
  expect([displaced, other.admitted]).toEqual([[1], []]);
});

test('a slow body that blocks its worker is aborted when requests wait, and one that does not block stays (A5)', () => {
  const gate = new UploadGate(256);
  gate.setWorkers(3);
  const { uploads, displaced } = enterAll(gate, [10, 600], true);
  gate.reads(true);
  uploads[1]!.blocks = true;
  gate.unblock(500);
  expect(displaced).toEqual([]);
  gate.unblock(1500);
  expect(displaced).toEqual([1]);
  gate.unblock(1500);
  expect(displaced).toEqual([1]);
});

test('thousands of waiting uploads are rejected one after the other, without recursion', () => {
  const gate = new UploadGate(2);
  const waiter = { isRipe: true, bodyRate: () => 1, uploadOnDisplaced() {} };
  const inside = new Upload();
  gate.enter(inside, { ...waiter, uploadOnPlace() {} }, 0);
  let refused = 0;
  for (let i = 0; i < 20_000; i++) {
    const upload = new Upload();
    const uploadOnPlace = () => {
      refused += 1;
      gate.leave(upload);
    };
    gate.enter(upload, { ...waiter, uploadOnPlace }, 0);
  }
  gate.leave(inside);
  expect([refused, gate.inside, gate.waiting]).toEqual([20_000, 0, 0]);
});
