/**
 * Who may have an unfinished body with the workers, and who waits.
 */
import { expect, test } from 'vitest';
import { Upload } from '../../src/acceptor/upload.ts';
import { UploadGate } from '../../src/acceptor/upload-gate.ts';

/** A gate with `count` uploads that entered in order, and those that have been admitted. */
function enter(gate: UploadGate, count: number): { uploads: Upload[]; admitted: number[] } {
  const admitted: number[] = [];
  const uploads = Array.from({ length: count }, () => new Upload());
  for (const [index, upload] of uploads.entries()) {
    gate.enter(upload, { uploadOnPlace: () => admitted.push(index) });
  }
  return { uploads, admitted };
}

test('half of all places, once the application is known to await its input', () => {
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

test('fewer than live workers while nobody has read yet', () => {
  const gate = new UploadGate(256);
  gate.setWorkers(4);
  const { admitted } = enter(gate, 6);
  expect(admitted).toEqual([0, 1, 2]);
  gate.reads(false);
  expect(admitted).toEqual([0, 1, 2, 3, 4, 5]);
});

test('fewer than live workers for good once a read has blocked', () => {
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

test('one worker, or none yet, still gets one', () => {
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

test('thousands that wait are refused one after the other, not one within the other', () => {
  const gate = new UploadGate(2);
  const inside = new Upload();
  gate.enter(inside, { uploadOnPlace() {} });
  let refused = 0;
  for (let i = 0; i < 20_000; i++) {
    const upload = new Upload();
    const uploadOnPlace = () => {
      refused += 1;
      gate.leave(upload);
    };
    gate.enter(upload, { uploadOnPlace });
  }
  gate.leave(inside);
  expect([refused, gate.inside, gate.waiting]).toEqual([20_000, 0, 0]);
});
