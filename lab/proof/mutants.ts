/**
 * Wrong versions of the ring code. Each is one small replacement in one file.
 *
 * A proof that accepts a wrong version proves nothing.
 *
 * Law: data only. A text that does not occur exactly once fails the run (`bundle.ts`), so a change of the code changes
 * its mutants. `upload: second look` repeats a fault that was once in the product: a sleeper requested space after a
 * failed claim and did not look again.
 */
import type { Replacement } from './bundle.ts';

export interface Mutant extends Replacement {
  readonly name: string;
  /** Part of the name of the check that finds the mutant soonest. The other checks follow in their order. */
  readonly first?: string;
}

const RING = 'ring/request-ring.ts';
const TABLE = 'ring/exchange-table.ts';
const BYTES = 'ring/byte-ring.ts';
const BELL = 'ring/doorbell.ts';
const BOOK = 'acceptor/exchange/exchanges.ts';
const ACCEPTOR = 'acceptor/acceptor.ts';
const RECORDS = 'acceptor/turn/records.ts';
const UPLOAD = 'acceptor/exchange/upload.ts';
const ASSIGNMENTS = 'acceptor/workers/assignments.ts';
const LOOP = 'worker/exchange/loop.ts';
const INBOUND = 'worker/exchange/inbound.ts';
const MESSAGE = 'ring/message.ts';

/**
 * The check that is known to find each mutant. The suite starts with it and skips checks that cannot see the mutant.
 */
const FIRST: Readonly<Record<string, string>> = {
  'claim: the word is loaded after the CAS': 'through a ring of 2',
  'push: the ring is never full': 'a full ring of 2',
  'take: a store for the CAS': 'queue of 1',
  'cancel: a store for the CAS': 'queue of 1',
  'compact: a living entry is dropped': 'queue of 1',
  'cancel: the slab is freed under its owner': 'may be cancelled, 2 consumers',
  'upload: no second look after awaitSpace': 'reads late',
  'sort: asked for space before there is some': 'reads late',
  'response: no second look after awaitSpace': 'full response ring',
  'worker: does not look for notices': 'full response ring',
  'acceptor: reports no space': 'full response ring',
  'tell: the worker is not woken': 'waits for its worker',
  'judge: what was meant for the dead waits on': 'waits for one of 2',
};

function mutant(name: string, file: string, from: string, to: string): Mutant {
  const first = FIRST[name];
  return { name, file, from, to, ...(first === undefined ? {} : { first }) };
}

const SLOT = 'memory.store(this.#slots + (tail & this.#mask), entry);';
const TAIL = 'memory.store(REQUEST_TAIL, (tail + 1) | 0);';

const RINGS: readonly Mutant[] = [
  mutant('push: TAIL before the slot', RING, `${SLOT}\n    ${TAIL}`, `${TAIL}\n    ${SLOT}`),
  mutant(
    'claim: a store for the CAS',
    RING,
    'if (memory.compareExchange(REQUEST_HEAD, head, (head + 1) | 0) === head) return entry >>> 0;',
    'memory.store(REQUEST_HEAD, (head + 1) | 0); return entry >>> 0;',
  ),
  mutant(
    'claim: the word is loaded after the CAS',
    RING,
    'const entry = memory.load(this.#slots + (head & this.#mask));\n      if (memory.compareExchange(REQUEST_HEAD, head, (head + 1) | 0) === head) return entry >>> 0;',
    'if (memory.compareExchange(REQUEST_HEAD, head, (head + 1) | 0) === head) return memory.load(this.#slots + (head & this.#mask)) >>> 0;',
  ),
  mutant(
    'claim: positions compared without wrap',
    RING,
    'if (head === memory.load(REQUEST_TAIL)) return EMPTY;',
    'if (head >= memory.load(REQUEST_TAIL)) return EMPTY;',
  ),
  mutant(
    'passed: positions compared without wrap',
    RING,
    '((this.#memory.load(REQUEST_HEAD) - position) | 0) > 0',
    'this.#memory.load(REQUEST_HEAD) > position',
  ),
  mutant(
    'push: the ring is never full',
    RING,
    'if (!this.isBelow(this.capacity)) return EMPTY;',
    'if (!this.isBelow(1e6)) return EMPTY;',
  ),
];

const EXCHANGES: readonly Mutant[] = [
  mutant(
    'take: a store for the CAS',
    TABLE,
    'return this.#memory.compareExchange(at, word, taken) === word ? generation : LOST;',
    'this.#memory.store(at, taken); return generation;',
  ),
  mutant(
    'take: no check of state and generation',
    TABLE,
    'if (stateOf(word) !== ExchangeState.PENDING || (generation & 0xffff) !== entry >>> 16) return LOST;',
    '',
  ),
  mutant(
    'take: the owner is not written',
    TABLE,
    'const taken = controlWord(generation, owner, ExchangeState.TAKEN);',
    'const taken = controlWord(generation, 0, ExchangeState.TAKEN);',
  ),
  mutant(
    'cancel: a store for the CAS',
    TABLE,
    'return this.#memory.compareExchange(this.#layout.control + index, pending, cancelled) === pending;',
    'this.#memory.store(this.#layout.control + index, cancelled); return pending !== cancelled;',
  ),
  mutant(
    'run: the owner is lost',
    TABLE,
    'controlWord(generation, owner, ExchangeState.RUNNING)',
    'controlWord(generation, 0, ExchangeState.RUNNING)',
  ),
];

const BOOKS: readonly Mutant[] = [
  mutant(
    'submit: queued before it is PENDING',
    BOOK,
    'table.publish(exchange.index, exchange.generation, exchange.slabOffset, exchange.credit);\n    this.#dispatch(exchange);',
    'this.#dispatch(exchange);\n    table.publish(exchange.index, exchange.generation, exchange.slabOffset, exchange.credit);',
  ),
  mutant(
    'judge: PENDING behind the head is forgotten',
    BOOK,
    'if (state === ExchangeState.PENDING && ring.passed(exchange.position)) this.#enqueue(exchange);',
    '',
  ),
  mutant(
    'judge: RUNNING runs again',
    BOOK,
    'if (state === ExchangeState.TAKEN && connection !== null) {',
    'if (connection !== null) {',
  ),
  mutant(
    'judge: TAKEN is requeued without an entry',
    BOOK,
    'exchange.takenAt = 0;\n      this.#dispatch(exchange);',
    'exchange.takenAt = 0;',
  ),
  mutant(
    'compact: a living entry is dropped',
    BOOK,
    '!live || table.state(exchange.index) !== ExchangeState.PENDING) continue;',
    'left > 0) continue;',
  ),
  mutant(
    'cancel: the slab is freed under its owner',
    BOOK,
    'if (!this.#memory.table.cancel(exchange.index, exchange.generation)) return false;',
    'if (!this.#memory.table.cancel(exchange.index, exchange.generation)) return this.releaseSlab(exchange), false;',
  ),
  mutant(
    'finish: the slab is not freed',
    BOOK,
    'this.#strike(exchange);\n    this.releaseSlab(exchange);',
    'this.#strike(exchange);',
  ),
  mutant('detach: judged before drained', ACCEPTOR, 'while (this.#records.drain(link));', ''),
];

const BYTE_RINGS: readonly Mutant[] = [
  mutant(
    'commit: published before its header',
    BYTES,
    'const index = this.#start & this.mask;\n    this.#header(index, length, kind);',
    'const index = this.#start & this.mask;\n    this.memory.store(PRODUCER_POSITION, (this.#start + aligned(RECORD_HEADER + length)) | 0);\n    this.#header(index, length, kind);',
  ),
  mutant(
    'next: released before it is read',
    BYTES,
    'this.exchange = this.words[word + 2]!;',
    'this.memory.store(CONSUMER_POSITION, (this.#position + this.#size) | 0); this.exchange = this.words[word + 2]!;',
  ),
  mutant(
    'claim: the padding has no header',
    BYTES,
    'if (padding > 0) this.#header(index, padding - RECORD_HEADER, PADDING);',
    '',
  ),
  mutant(
    'claim: room for one record too many',
    BYTES,
    'this.#cachedConsumer = this.memory.load(CONSUMER_POSITION);\n    return ((this.#position + size - this.#cachedConsumer) | 0) <= this.capacity;',
    'this.#cachedConsumer = this.memory.load(CONSUMER_POSITION);\n    return ((this.#position + size - this.#cachedConsumer) | 0) <= this.capacity + 16;',
  ),
  mutant(
    'waitForRecord: waits while what is there is there',
    BYTES,
    'this.memory.wait(PRODUCER_POSITION, this.#position, milliseconds);',
    'this.memory.wait(PRODUCER_POSITION, this.memory.load(PRODUCER_POSITION), milliseconds);',
  ),
  mutant('notify: left out', BYTES, 'this.memory.notify(PRODUCER_POSITION);', ''),
  mutant(
    'upload: no second look after awaitSpace',
    UPLOAD,
    'producer.awaitSpace();\n  return producer.claim(length);',
    'producer.awaitSpace();\n  return INSUFFICIENT;',
  ),
  mutant(
    'sort: asked for space before there is some',
    INBOUND,
    'inbound.release();\n    }\n    if (inbound.takeWaiting()) this.#link.acceptor.ring();',
    'if (inbound.takeWaiting()) this.#link.acceptor.ring();\n      inbound.release();\n    }',
  ),
];

const ARM = 'this.link.sleeper.arm();';
const WORK = `const work =
      (this.#canClaim() && this.#waiting > 0) ||
      this.#runner.inboundReady() ||
      this.link.notice !== this.#noticeSeen;`;

const BELLS: readonly Mutant[] = [
  mutant(
    'response: no second look after awaitSpace',
    LOOP,
    'return this.link.responses.claim(bytes) !== INSUFFICIENT;',
    'return bytes < 0;',
  ),
  mutant('worker: sleeps without a second look', LOOP, 'if (!work) return;', 'if (work || !work) return;'),
  mutant('worker: arms after it has looked', LOOP, `${ARM}\n    ${WORK}`, `${WORK}\n    ${ARM}`),
  mutant(
    'worker: does not look for notices',
    LOOP,
    'this.#runner.inboundReady() ||\n      this.link.notice !== this.#noticeSeen;',
    'this.#runner.inboundReady();',
  ),
  mutant(
    'acceptor: sleeps without a second look',
    ACCEPTOR,
    'if (this.#links.ready) this.requestTurn();',
    '',
  ),
  mutant(
    'acceptor: reports no space',
    RECORDS,
    'if (responses.takeWaiting() || this.#credited) link.notify();',
    'if (this.#credited) link.notify();',
  ),
  mutant('tell: the worker is not woken', ASSIGNMENTS, 'meantFor!.ring();', ''),
  mutant(
    'judge: what was meant for the dead waits on',
    BOOK,
    'if (exchange.meantFor !== null && state === ExchangeState.PENDING) this.#redirect(exchange, slot);',
    'if (exchange.meantFor !== null && state === ExchangeState.PENDING) continue;',
  ),
  mutant(
    'ring: a flag that is set is left to another',
    BELL,
    'this.#memory.exchange(this.#flag, 0) === 0) return false;',
    'this.#memory.exchange(this.#flag, 0) === 1) return false;',
  ),
];

/** Mutants that show only if a body does not fit its window. */
export const NARROW_MUTANTS: readonly Mutant[] = [
  mutant(
    'consumed: the acceptor is not woken for it',
    INBOUND,
    'if (wakes) this.#link.acceptor.ring();',
    'if (!wakes && wakes) this.#link.acceptor.ring();',
  ),
  mutant(
    'consumed: told before it is said',
    INBOUND,
    'this.#link.shared.table.setConsumed(exchange, bytes);\n    if (wakes) this.#link.acceptor.ring();',
    'if (wakes) this.#link.acceptor.ring();\n    this.#link.shared.table.setConsumed(exchange, bytes);',
  ),
  mutant('window: woken for a whole one and more', MESSAGE, '>= WINDOW / 2', '> WINDOW'),
];

/** Mutants by the family of scenarios that catches them soonest. */
export const MUTANTS = {
  book: [...RINGS, ...EXCHANGES, ...BOOKS.filter(({ file }) => file === BOOK)],
  bytes: BYTE_RINGS,
  bells: [...BELLS, ...BOOKS.filter(({ file }) => file === ACCEPTOR)],
} as const;
