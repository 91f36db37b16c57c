/**
 * The scheduler: runs simulated threads through every interleaving, kills included.
 *
 * Law: knows threads, words and schedules, not the subject of the code under proof.
 *
 * The search is depth first and keeps every visited state, so that it continues only once from two schedules that lead
 * to the same state. It adds up the number of schedules on the way back. A killed thread gets no more steps. If no
 * thread can step, the scenario judges the state: a sleeper with work left is a lost wake.
 *
 * The search also proves its own premise: no two threads are ever about to make conflicting accesses to one word of
 * which one is plain. A program without such a state has no data race. It is therefore sequentially consistent, and has
 * no other behaviours than these interleavings.
 */
import { EMPTY, OPEN, State, Visited } from './state.ts';
import { type Alternative, Kind, type Operation, type Thread, type ThreadNode, When } from './thread.ts';
import { type Scenario, View, type World } from './world.ts';

const WORDS = 1024;
const DEAD = -1;
/** No schedule of correct code comes near this length. */
const MOST_STEPS = 1000;
const KILL_ODDS = 0.02;

export interface Problem {
  readonly message: string;
  /** The steps that lead to the problem. */
  readonly trace: readonly string[];
}

export interface Result {
  readonly name: string;
  readonly states: number;
  readonly steps: number;
  readonly interleavings: number;
  /** States in which a thread was killed, and where everything came to rest. */
  readonly kills: number;
  readonly ends: number;
  readonly deepest: number;
  /** Different runs of the threads' code. */
  readonly runs: number;
  readonly milliseconds: number;
  /** Whether the search left nothing within the bounds out. */
  readonly complete: boolean;
  readonly problem: Problem | null;
}

export interface Limits {
  readonly milliseconds: number;
}

class Found extends Error {}
class OutOfTime extends Error {}

export class Explorer {
  readonly #world: World;
  readonly #scenario: Scenario;
  readonly #threads: readonly Thread[];
  readonly #state: State = new State(WORDS);
  readonly #visited: Visited = new Visited();
  readonly #trace: [thread: number, text: string][] = [];
  // slots of the state: a thread's node, whether it is parked, then these, then the scenario's words
  readonly #parked: number;
  readonly #killed: number;
  readonly #last: number;
  readonly #switches: number;
  readonly #base: number;
  readonly #bounded: boolean;
  #end = 0;
  #steps = 0;
  #kills = 0;
  #ends = 0;
  #deepest = 0;
  // a walk's
  #walking = false;
  #mayKill = true;
  #wanted = -1;
  #offered = 0;

  constructor(world: World, scenario: Scenario) {
    this.#world = world;
    this.#scenario = scenario;
    this.#threads = world.threads;
    const count = this.#threads.length;
    this.#parked = count;
    this.#killed = 2 * count;
    this.#last = this.#killed + 1;
    this.#switches = this.#last + 1;
    this.#base = this.#switches + 1;
    this.#bounded = scenario.switches !== undefined;
  }

  run(limits: Limits): Result {
    const start = performance.now();
    this.#end = start + limits.milliseconds;
    let interleavings = 0;
    let problem: Problem | null = null;
    let complete = true;
    try {
      this.#begin();
      interleavings = this.#visit();
    } catch (error) {
      complete = false;
      if (error instanceof Found) problem = { message: error.message, trace: this.#story() };
      else if (!(error instanceof OutOfTime)) throw error;
    }
    return { ...this.#result(start), interleavings, complete, problem };
  }

  /** Walks randomly drawn schedules, for bounds that are too wide for all of them. A kill comes now and then. */
  walk(limits: Limits, random: () => number): Result {
    const start = performance.now();
    let walks = 0;
    let problem: Problem | null = null;
    this.#walking = true;
    try {
      this.#begin();
      const { mark } = this.#state;
      while (performance.now() - start < limits.milliseconds) {
        this.#walkOnce(random);
        walks += 1;
        this.#trace.length = 0;
        this.#state.rollback(mark);
      }
    } catch (error) {
      if (!(error instanceof Found)) throw error;
      problem = { message: error.message, trace: this.#story() };
    }
    return { ...this.#result(start), interleavings: walks, complete: false, problem };
  }

  #walkOnce(random: () => number): void {
    for (;;) {
      this.#mayKill = random() < KILL_ODDS;
      this.#wanted = -1;
      const choices = this.#offer();
      if (choices === 0 && !this.#mayKill) return void this.#rest();
      this.#wanted = Math.floor(random() * choices);
      this.#offer();
      this.#deepest = Math.max(this.#deepest, this.#trace.length);
      if (this.#trace.length > MOST_STEPS) throw new Found('there is no end');
    }
  }

  /** Offers every way to continue and takes the wanted one. Returns the number of ways. */
  #offer(): number {
    this.#offered = 0;
    for (let t = 0; t < this.#threads.length; t++) {
      if (this.#state.words[t] !== DEAD) this.#stepWays(t);
      if (this.#wanted >= 0 && this.#offered > this.#wanted) break;
      if (this.#state.words[t] !== DEAD && this.#mayKill) this.#killWays(t);
    }
    return this.#offered;
  }

  /** An exploration takes every way. A walk takes the wanted one. */
  #isTaken(): boolean {
    return !this.#walking || this.#offered++ === this.#wanted;
  }

  #result(start: number): Result {
    return {
      name: this.#scenario.name,
      states: this.#visited.count,
      steps: this.#steps,
      interleavings: 0,
      kills: this.#kills,
      ends: this.#ends,
      deepest: this.#deepest,
      runs: this.#threads.reduce((sum, thread) => sum + thread.nodes.length, 0),
      milliseconds: performance.now() - start,
      complete: true,
      problem: null,
    };
  }

  #begin(): void {
    for (const [slot, value] of this.#world.initial) this.#state.set(this.#base + slot, value);
    for (let t = 0; t < this.#threads.length; t++) this.#enter(t, this.#threads[t]!.root);
  }

  /** Explores every way to continue from the present state. Returns the number of schedules. */
  #visit(): number {
    const { hash1, hash2 } = this.#state;
    const known = this.#visited.ways(hash1, hash2);
    if (known === OPEN) throw new Found('threads go round and get nowhere');
    if (known !== EMPTY) return known;
    this.#visited.put(hash1, hash2, OPEN);
    if (this.#trace.length > MOST_STEPS) throw new Found('there is no end');
    if ((this.#visited.count & 0xfff) === 0 && performance.now() > this.#end) throw new OutOfTime();
    this.#deepest = Math.max(this.#deepest, this.#trace.length);
    if (this.#scenario.races === true) this.#checkRaces();
    let ways = 0;
    let stuck = true;
    for (let t = 0; t < this.#threads.length; t++) {
      if (this.#state.words[t] === DEAD) continue;
      const stepped = this.#stepWays(t);
      if (stepped >= 0) {
        stuck = false;
        ways += stepped;
      }
      ways += this.#killWays(t);
    }
    if (stuck) ways += this.#rest();
    this.#visited.put(hash1, hash2, ways || Number.MIN_VALUE);
    return ways;
  }

  #node(t: number): ThreadNode {
    return this.#threads[t]!.nodes[this.#state.words[t]!]!;
  }

  /** The schedules that begin with a step of a thread. −1: the thread cannot step. */
  #stepWays(t: number): number {
    const node = this.#node(t);
    const { operation } = node;
    if (operation.kind === Kind.DONE) return -1;
    if (operation.kind === Kind.EVENT) return this.#eventWays(t, node);
    if (operation.kind === Kind.WAIT && this.#state.words[this.#parked + t] === 1) return -1;
    return this.#try(t, () => this.#step(t, node));
  }

  #eventWays(t: number, node: ThreadNode): number {
    let ways = -1;
    node.operation.events.forEach((event, place) => {
      if (!this.#mayCome(event)) return;
      ways =
        Math.max(0, ways) +
        this.#try(t, () => {
          this.#trace.at(-1)![1] = `hears ${event.name}`;
          if (event.when === When.MAIL) this.#add(event.subject, -1);
          this.#enter(t, this.#threads[t]!.next(node, place));
        });
    });
    return ways;
  }

  #mayCome({ when, subject, value }: Alternative): boolean {
    if (when === When.DIFFERS) return this.#state.words[this.#base + subject] !== value;
    if (when === When.DEAD) return this.#state.words[subject] === DEAD;
    if (when === When.UNEQUAL)
      return this.#state.words[this.#base + subject] !== this.#state.words[this.#base + value];
    return when === When.ALWAYS || this.#state.words[this.#base + subject]! > 0;
  }

  /** Makes one step, explores from there, and undoes the step. Returns the number of schedules behind it. */
  #try(t: number, step: () => void): number {
    if (!this.#isTaken()) return 0;
    const { mark } = this.#state;
    if (!this.#countSwitch(t)) {
      this.#state.rollback(mark);
      return 0;
    }
    this.#trace.push([t, '']);
    this.#steps += 1;
    step();
    if (this.#walking) return 0;
    const ways = this.#visit();
    this.#state.rollback(mark);
    this.#trace.pop();
    return ways;
  }

  /**
   * Applies the bound on switches. False if this step would switch once too often away from a thread that could
   * continue.
   */
  #countSwitch(t: number): boolean {
    if (!this.#bounded) return true;
    const { words } = this.#state;
    const last = words[this.#last]! - 1;
    if (last >= 0 && last !== t && this.#couldGoOn(last)) {
      if (words[this.#switches]! >= this.#scenario.switches!) return false;
      this.#state.set(this.#switches, words[this.#switches]! + 1);
    }
    this.#state.set(this.#last, t + 1);
    return true;
  }

  /** Whether the thread is in the middle of a turn. A switch between turns costs nothing. */
  #couldGoOn(t: number): boolean {
    if (this.#state.words[t] === DEAD) return false;
    const { kind } = this.#node(t).operation;
    if (kind === Kind.WAIT) return this.#state.words[this.#parked + t] !== 1;
    return kind !== Kind.DONE && kind !== Kind.EVENT;
  }

  #killWays(t: number): number {
    const { mortal } = this.#scenario.threads[t]!;
    const { words } = this.#state;
    const kills = words[this.#killed]!;
    if (this.#node(t).looked) return 0;
    if (mortal === 'never' || (mortal === 'counted' && kills >= this.#scenario.kills)) return 0;
    if (!this.#isTaken()) return 0;
    const { mark } = this.#state;
    this.#trace.push([t, 'is killed']);
    this.#kills += 1;
    if (mortal === 'counted') this.#state.set(this.#killed, kills + 1);
    this.#state.set(t, DEAD);
    this.#state.set(this.#parked + t, 0);
    if (this.#walking) return 0;
    const ways = this.#visit();
    this.#state.rollback(mark);
    this.#trace.pop();
    return ways;
  }

  #step(t: number, node: ThreadNode): void {
    const { operation } = node;
    if (operation.kind === Kind.WAIT) return this.#wait(t, node);
    const answer = this.#perform(operation);
    this.#trace.at(-1)![1] = `${operation.text} → ${answer}`;
    this.#enter(t, this.#threads[t]!.next(node, answer));
  }

  /** Timeouts do not help: a thread that waits for a word without a notification waits forever. */
  #wait(t: number, node: ThreadNode): void {
    const { slot, a } = node.operation;
    const parked = this.#parked + t;
    this.#trace.at(-1)![1] = node.operation.text;
    if (this.#state.words[parked] === 0 && this.#state.words[this.#base + slot] === a)
      return this.#state.set(parked, 1);
    this.#state.set(parked, 0);
    this.#enter(t, this.#threads[t]!.next(node, 0));
  }

  #perform({ kind, slot, a, b }: Operation): number {
    const before = this.#state.words[this.#base + slot]!;
    if (kind === Kind.STORE || kind === Kind.EXCHANGE) this.#state.set(this.#base + slot, a);
    else if (kind === Kind.CAS && before === a) this.#state.set(this.#base + slot, b);
    else if (kind === Kind.ADD || kind === Kind.TELL) this.#add(slot, a);
    else if (kind === Kind.NOTIFY) this.#notify(slot);
    return kind === Kind.STORE || kind === Kind.TELL ? 0 : before;
  }

  #add(slot: number, value: number): void {
    this.#state.set(this.#base + slot, this.#state.words[this.#base + slot]! + value);
  }

  #notify(slot: number): void {
    for (let t = 0; t < this.#threads.length; t++) {
      if (this.#state.words[this.#parked + t] === 1 && this.#node(t).operation.slot === slot)
        this.#state.set(this.#parked + t, 2);
    }
  }

  /** Puts a thread before its next operation. Operations that no other thread can observe happen immediately. */
  #enter(t: number, node: ThreadNode): void {
    while (node.operation.silent) node = this.#threads[t]!.next(node, this.#perform(node.operation));
    this.#state.set(t, node.id);
    if (node.operation.kind === Kind.FAIL) throw new Found(node.operation.text);
  }

  #rest(): number {
    this.#ends += 1;
    const { words } = this.#state;
    const view = new View(
      this.#world,
      (slot) => words[this.#base + slot]!,
      (t) => words[t] === DEAD,
    );
    const message = this.#scenario.atRest(view);
    if (message !== null) throw new Found(message);
    return 1;
  }

  #checkRaces(): void {
    for (let t = 1; t < this.#threads.length; t++) {
      for (let u = 0; u < t; u++) {
        if (this.#state.words[t] === DEAD || this.#state.words[u] === DEAD) continue;
        const [one, other] = [this.#node(t).operation, this.#node(u).operation];
        if (conflict(one, other)) throw new Found(`data race: ${one.text} beside ${other.text}`);
      }
    }
  }

  #story(): string[] {
    return this.#trace.map(([t, text]) => `${this.#threads[t]!.name} ${text}`);
  }
}

function conflict(one: Operation, other: Operation): boolean {
  if (!(one.plain || other.plain) || one.slot !== other.slot) return false;
  if (!touches(one) || !touches(other)) return false;
  return one.kind !== Kind.LOAD || other.kind !== Kind.LOAD;
}

function touches({ kind }: Operation): boolean {
  return kind >= Kind.LOAD && kind <= Kind.ADD;
}
