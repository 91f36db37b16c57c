/**
 * The shared state of simulated threads: named words, the `Memory` under the real ring code, plain bytes, messages,
 * ghosts.
 *
 * Law: provides the same interface to the code under proof as in production, and turns each access into an operation
 * (`thread.ts`). Knows regions and words by name, not by meaning.
 */
import type { Memory } from '../../src/ring/memory.ts';
import { type Alternative, type Body, current, Kind, Thread, When } from './thread.ts';

/**
 * The threads that can observe an access to a word.
 * - `shared`: a point to switch threads at.
 * - `silent`: shared too, but accessed together with the step before. Another scenario has shown that control words
 *   order it, or it is a ghost.
 * - `own`: belongs to one thread (checked).
 * - `void`: written but irrelevant here; reads return 0.
 * - `sole:` and a name: only this thread writes the word (checked), so its own reads need no switch.
 * - `still`: is 0 and is not written in this scenario (checked).
 */
export type Visibility = 'shared' | 'silent' | 'own' | 'void' | 'still' | `sole:${string}`;

/** `counted`: within the scenario's bound on kills. `free`: a zombie, whose end is due anyway. */
export type Mortal = 'never' | 'counted' | 'free';

export interface Scenario {
  readonly name: string;
  readonly threads: readonly { readonly name: string; readonly mortal: Mortal; readonly body: Body }[];
  readonly kills: number;
  /** Most switches away from a thread in the middle of its turn; undefined: any number. */
  readonly switches?: number;
  /** Whether to search for data races. Plain accesses are then points to switch at. */
  readonly races?: boolean;
  /** The fault if no thread can continue, or null. */
  atRest(view: View): string | null;
}

export class World {
  readonly #slots: Map<string, number> = new Map();
  readonly #names: string[] = [];
  readonly #accesses: Map<string, Map<number, Access>> = new Map();
  readonly #owners: Map<number, string> = new Map();
  readonly #visibility: (region: string, index: number) => Visibility;
  readonly initial: [slot: number, value: number][] = [];
  threads: Thread[] = [];

  constructor(visibility: (region: string, index: number) => Visibility) {
    this.#visibility = visibility;
  }

  slot(region: string, index: number): number {
    const name = `${region}[${index}]`;
    let slot = this.#slots.get(name);
    if (slot === undefined) {
      slot = this.#names.length;
      this.#slots.set(name, slot);
      this.#names.push(name);
    }
    return slot;
  }

  /** The visibility of a region's words accessed so far: one map for all runs. */
  accesses(region: string): Map<number, Access> {
    let known = this.#accesses.get(region);
    if (known === undefined) this.#accesses.set(region, (known = new Map()));
    return known;
  }

  visibility(region: string, index: number): Visibility {
    return this.#visibility(region, index);
  }

  set(region: string, index: number, value: number): void {
    this.initial.push([this.slot(region, index), value]);
  }

  start(scenario: Scenario): void {
    this.threads = scenario.threads.map(({ name, body }) => new Thread(name, body));
  }

  /** Checks that only one thread accesses a word that is declared its own. */
  claimOwn(slot: number, thread: string): void {
    const owner = this.#owners.get(slot);
    if (owner === undefined) this.#owners.set(slot, thread);
    else if (owner !== thread) throw new Error(`${this.#names[slot]} is not ${owner}'s own`);
  }
}

/** A scenario's view of a state. */
export class View {
  readonly #world: World;
  readonly #read: (slot: number) => number;
  readonly dead: (thread: number) => boolean;

  constructor(world: World, read: (slot: number) => number, dead: (thread: number) => boolean) {
    this.#world = world;
    this.#read = read;
    this.dead = dead;
  }

  word(region: string, index: number): number {
    return this.#read(this.#world.slot(region, index));
  }
}

interface Access {
  readonly slot: number;
  readonly how: Visibility;
  readonly text: string;
}

/** A region of shared words as one thread sees it: atomic, or plain. */
export class SimMemory implements Memory {
  readonly #world: World;
  readonly #region: string;
  readonly #thread: string;
  readonly #plain: boolean;
  readonly #accesses: Map<number, Access>;
  /** All of the thread's own state at this operation, if it is easy to determine. See `Operation.key`. */
  stateAt: (kind: number, index: number) => string = () => '';

  constructor(world: World, region: string, thread: string, plain = false) {
    this.#world = world;
    this.#region = region;
    this.#thread = thread;
    this.#plain = plain;
    this.#accesses = world.accesses(region);
  }

  load(index: number): number {
    return this.#do(Kind.LOAD, index, 0, 0);
  }

  store(index: number, value: number): void {
    this.#do(Kind.STORE, index, value | 0, 0);
  }

  own(index: number): number {
    return this.#do(Kind.LOAD, index, 0, 0, true);
  }

  prepare(index: number, value: number): void {
    this.#do(Kind.STORE, index, value | 0, 0, true);
  }

  compareExchange(index: number, expected: number, replacement: number): number {
    return this.#do(Kind.CAS, index, expected | 0, replacement | 0);
  }

  exchange(index: number, value: number): number {
    return this.#do(Kind.EXCHANGE, index, value | 0, 0);
  }

  add(index: number, value: number): number {
    return this.#do(Kind.ADD, index, value | 0, 0);
  }

  wait(index: number, expected: number): void {
    const { slot, text } = this.#access(index);
    current.ask({ kind: Kind.WAIT, slot, a: expected | 0 }, () => ({
      text: `waits while ${text} is ${expected}`,
    }));
  }

  notify(index: number): void {
    const { slot, text } = this.#access(index);
    current.ask({ kind: Kind.NOTIFY, slot }, () => ({ text: `notifies ${text}` }));
  }

  #do(kind: number, index: number, a: number, b: number, plain = this.#plain): number {
    const { slot, how, text } = this.#access(index);
    if (how === 'void') return 0;
    if (how === 'still') return this.#still(kind, text, a);
    if (how === 'own') return this.#own(kind, slot, a, b);
    const silent = how === 'silent' || (how !== 'shared' && this.#isSole(how, kind, text));
    return current.ask({ kind, slot, a, b, silent, plain }, () => ({
      text: said(kind, text, a, b),
      key: this.stateAt(kind, index),
    }));
  }

  #isSole(how: Visibility, kind: number, text: string): boolean {
    const mine = how === `sole:${this.#thread}`;
    if (!mine && kind !== Kind.LOAD) throw new Error(`${this.#thread} writes ${text}, which is ${how}`);
    return mine && kind === Kind.LOAD;
  }

  #still(kind: number, text: string, value: number): number {
    if (kind !== Kind.LOAD && value !== 0)
      throw new Error(`${text} is written although it is declared still`);
    return 0;
  }

  #own(kind: number, slot: number, a: number, b: number): number {
    this.#world.claimOwn(slot, this.#thread);
    const before = current.own.get(slot) ?? 0;
    if (kind === Kind.STORE || kind === Kind.EXCHANGE) current.own.set(slot, a);
    else if (kind === Kind.ADD) current.own.set(slot, before + a);
    else if (kind === Kind.CAS && before === a) current.own.set(slot, b);
    return before;
  }

  #access(index: number): Access {
    let access = this.#accesses.get(index);
    if (access === undefined) {
      const slot = this.#world.slot(this.#region, index);
      const how = this.#world.visibility(this.#region, index);
      access = { slot, how, text: `${this.#region}[${index}]` };
      this.#accesses.set(index, access);
    }
    return access;
  }
}

const VERBS = ['', '', 'loads', 'stores', 'exchanges if equal', 'exchanges', 'adds to'];

function said(kind: number, word: string, a: number, b: number): string {
  if (kind === Kind.LOAD) return `loads ${word}`;
  return kind === Kind.CAS ? `swaps ${word} from ${a} to ${b}` : `${VERBS[kind]} ${word} ${a}`;
}

/** Plain shared words under an object that looks like an Int32Array. */
export function plainWords(world: World, region: string, thread: string): Int32Array {
  const memory = new SimMemory(world, region, thread, true);
  const target = {} as Record<string, number>;
  return new Proxy(target, {
    get: (_, index) => memory.load(Number(index)),
    set: (_, index, value) => {
      memory.store(Number(index), value as number);
      return true;
    },
  }) as unknown as Int32Array;
}

// the operations of a body besides memory accesses

const COUNTS = () => ({ text: 'counts' });

/** Counts in a word that the code under proof cannot see. Returns the new count. */
export function count(world: World, region: string, index: number, by = 1): number {
  return current.ask({ kind: Kind.ADD, slot: world.slot(region, index), a: by, silent: true }, COUNTS) + by;
}

/** Reads a count. */
export function read(world: World, region: string, index: number): number {
  return current.ask({ kind: Kind.LOAD, slot: world.slot(region, index), silent: true }, COUNTS);
}

/** Records a value by which the scenario judges its end. */
export function note(world: World, region: string, index: number, value: number): void {
  const slot = world.slot(region, index);
  current.ask({ kind: Kind.STORE, slot, a: value, silent: true }, COUNTS);
}

/** Posts a message without content. */
export function post(world: World, box: number): void {
  const slot = world.slot('mail', box);
  current.ask({ kind: Kind.TELL, slot, a: 1 }, () => ({ text: `posts to ${box}` }));
}

/**
 * Sleeps until one of the events occurs. Returns its index. `state`: all of the thread's own state, see
 * `Operation.key`.
 */
export function sleep(events: readonly Alternative[], state = () => ''): number {
  return current.ask({ kind: Kind.EVENT, events }, () => {
    const key = state();
    const names = events.map((event) => `${event.name} ${event.value}`).join();
    return { text: 'sleeps', key: key === '' ? '' : `${names} ${key}` };
  });
}

export function always(name: string): Alternative {
  return { when: When.ALWAYS, subject: 0, value: 0, name };
}

export function mail(world: World, box: number): Alternative {
  return { when: When.MAIL, subject: world.slot('mail', box), value: 0, name: 'a message' };
}

export function differs(slot: number, value: number, name: string): Alternative {
  return { when: When.DIFFERS, subject: slot, value, name };
}

/** Occurs while two words of a region differ. */
export function unequal(slot: number, other: number, name: string): Alternative {
  return { when: When.UNEQUAL, subject: slot, value: other, name };
}

export function exits(thread: number): Alternative {
  return { when: When.DEAD, subject: thread, value: 0, name: `that thread ${thread} has ended` };
}
