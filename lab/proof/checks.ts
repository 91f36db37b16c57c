/**
 * The whole proof: the explored bounds and the mutants to catch, in a short and a long form.
 *
 * Law: bounds and order only. The suite uses the short form, and `lab/chaos/rings.js` the long form.
 */
import { type BellBounds, bellScenario } from './bells.ts';
import { type BookBounds, bookScenario } from './book.ts';
import type { Code, Replacement } from './bundle.ts';
import { type BytesBounds, bytesScenario } from './bytes.ts';
import { Explorer, type Result } from './explore.ts';
import type { MUTANTS } from './mutants.ts';
import { randomOf } from './random.ts';

export interface Check {
  readonly family: keyof typeof MUTANTS;
  readonly name: string;
  /** Every schedule within the bounds. */
  run(code: Code, milliseconds: number): Result;
  /** Randomly drawn schedules. */
  walk(code: Code, milliseconds: number, seed: number): Result;
}

function check(family: Check['family'], name: string, open: (code: Code) => Explorer): Check {
  return {
    family,
    name,
    run: (code, milliseconds) => open(code).run({ milliseconds }),
    walk: (code, milliseconds, seed) => open(code).walk({ milliseconds }, randomOf(seed)),
  };
}

const BOOK: BookBounds = {
  requests: 2,
  exchanges: 2,
  ring: 4,
  maxPending: 2,
  consumers: 2,
  kills: 1,
  zombie: false,
  leavers: [],
  expires: false,
  races: false,
};
const BYTES: BytesBounds = {
  chunks: [4, 16],
  capacity: 64,
  start: 0x7ffffff0,
  blocks: true,
  late: false,
  kills: 1,
};
const BELLS: BellBounds = {
  requests: 1,
  workers: 1,
  kills: 0,
  zombie: false,
  leavers: [],
  cheap: false,
  fills: false,
};

function book(name: string, bounds: Partial<BookBounds>): Check {
  return check('book', name, (code) => new Explorer(...bookScenario(code, { ...BOOK, ...bounds })));
}

function bytes(name: string, bounds: Partial<BytesBounds>): Check {
  return check('bytes', name, (code) => new Explorer(...bytesScenario(code, { ...BYTES, ...bounds })));
}

function bells(name: string, bounds: Partial<BellBounds>): Check {
  return check('bells', name, (code) => new Explorer(...bellScenario(code, { ...BELLS, ...bounds })));
}

/** The short form: takes seconds, and still catches every mutant. */
export const SHORT: readonly Check[] = [
  book('2 requests, 2 consumers, 1 kill; races', { races: true }),
  book('2 requests that may be cancelled, queue of 1, 2 consumers', {
    maxPending: 1,
    kills: 0,
    leavers: [0, 1],
  }),
  book('3 requests through a ring of 2, 1 consumer', {
    requests: 3,
    exchanges: 4,
    ring: 2,
    consumers: 1,
    kills: 0,
  }),
  book('3 requests, one cancelled, a full ring of 2, 1 consumer', {
    requests: 3,
    ring: 2,
    maxPending: 3,
    consumers: 1,
    kills: 0,
    leavers: [0],
  }),
  book('2 requests that may be cancelled, 2 consumers, 1 kill; races', { leavers: [0], races: true }),
  bytes('2 chunks, a reader that blocks, 1 kill; races', {}),
  bytes('2 chunks, a reader that sleeps, 1 kill; races', { blocks: false }),
  bytes('2 chunks, a reader that sleeps and reads late; races', {
    blocks: false,
    late: true,
    kills: 0,
    // The second record needs the first one's room, because of its padding.
    chunks: [16, 16],
    start: 0x7fffffd0,
  }),
  bells('1 request, 1 worker, 1 kill', { kills: 1 }),
  bells('1 request, 2 workers, 1 kill, 1 switch', { workers: 2, kills: 1, switches: 1 }),
  bells('2 requests, 1 worker, a full response ring, 2 switches', { requests: 2, fills: true, switches: 2 }),
  bells('1 request that waits for its worker, 1 kill', { pins: true, kills: 1 }),
  bells('1 request that waits for one of 2 workers, 1 kill, 1 switch', {
    pins: true,
    workers: 2,
    kills: 1,
    switches: 1,
  }),
];

/** Bodies through a window of eight bytes, for the code with that one replacement. */
export const NARROW_WINDOW: Replacement = {
  file: 'ring/message.ts',
  from: 'WINDOW: number = 256 * 1024',
  to: 'WINDOW: number = 8',
};
export const NARROW: readonly Check[] = [
  bytes('a reader that blocks; races', { kills: 0, chunks: [4, 8] }),
  bytes('a reader that sleeps; races', { blocks: false, kills: 0, chunks: [12] }),
];

const ALL = { consumers: 3, kills: 2, zombie: true };

/** The long form: takes minutes. It contains the short form and wider bounds. */
export const LONG: readonly Check[] = [
  ...SHORT,
  book('1 request that may be cancelled or expire, 3 consumers, a zombie, 2 kills', {
    ...ALL,
    requests: 1,
    leavers: [0],
    expires: true,
  }),
  book('2 requests, the first may be cancelled, 3 consumers, a zombie, 2 kills', { ...ALL, leavers: [0] }),
  book('2 requests, the first may be cancelled, queue of 1, 3 consumers, a zombie, 2 kills', {
    ...ALL,
    maxPending: 1,
    leavers: [0],
  }),
  book('3 requests over 2 exchanges, the first may be cancelled, 2 consumers, 2 kills', {
    requests: 3,
    kills: 2,
    leavers: [0],
  }),
  bytes('3 chunks, a reader that blocks, 1 kill; races', { chunks: [4, 16, 12] }),
  bytes('3 chunks, a reader that sleeps and reads late, 1 kill; races', {
    blocks: false,
    late: true,
    chunks: [16, 16, 8],
    start: 0x7fffffd0,
  }),
  bells('1 request, 2 workers, 1 kill', { workers: 2, kills: 1 }),
  bells('1 request, 2 workers, one a zombie, 1 kill', { workers: 2, zombie: true, kills: 1 }),
  bells('2 requests, 1 worker, a full response ring', { requests: 2, fills: true }),
  bells('1 request that may be cancelled, 2 workers, one a zombie, 1 kill, 2 switches', {
    workers: 2,
    zombie: true,
    kills: 1,
    leavers: [0],
    switches: 2,
  }),
  bells('1 request that may be cancelled and waits for a zombie of 2 workers, 1 kill, 2 switches', {
    pins: true,
    workers: 2,
    zombie: true,
    kills: 1,
    leavers: [0],
    switches: 2,
  }),
  bells('2 requests that wait for one of 2 workers, 1 kill, 1 switch', {
    pins: true,
    requests: 2,
    workers: 2,
    kills: 1,
    switches: 1,
  }),
  bells('1 request, 3 workers, one a zombie, 2 kills, 1 switch', {
    workers: 3,
    zombie: true,
    kills: 2,
    switches: 1,
  }),
];

/** Bounds too wide for all schedules: some are drawn at random. */
export const WALKS: readonly Check[] = [
  book('6 requests, 3 consumers, a zombie, 2 kills', {
    ...ALL,
    requests: 6,
    exchanges: 4,
    ring: 8,
    leavers: [0, 2, 3],
    expires: true,
  }),
  bytes('9 chunks', { chunks: [4, 16, 12, 8, 16, 16, 4, 4, 16], blocks: false, late: true }),
  bells('5 requests that wait for one of 3 workers, a zombie, 2 kills', {
    pins: true,
    requests: 5,
    workers: 3,
    kills: 2,
    zombie: true,
    leavers: [1, 3],
  }),
  bells('5 requests, 3 workers, a zombie, 2 kills', {
    requests: 5,
    workers: 3,
    kills: 2,
    zombie: true,
    leavers: [1, 3],
  }),
];
