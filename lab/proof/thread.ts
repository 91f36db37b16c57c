/**
 * Simulated threads: real, synchronous code that stops at every access to shared memory.
 *
 * Law: knows operations and answers, not schedules (`explore.ts`), and not the subject of the code.
 *
 * JavaScript cannot be suspended in the middle. So a thread is run again from its start against the answers to its
 * earlier operations. At the first operation without an answer, an exception ends the run. The next operation depends
 * on these answers alone. So each sequence of answers is run once, and its next operation becomes a node of a tree. A
 * step of the search is one lookup in that tree.
 *
 * A body must therefore be deterministic (checked at each run), keep all its state inside the call, and not catch
 * `PAUSE`.
 */

export const Kind = {
  DONE: 0,
  FAIL: 1,
  LOAD: 2,
  STORE: 3,
  CAS: 4,
  EXCHANGE: 5,
  ADD: 6,
  WAIT: 7,
  NOTIFY: 8,
  /** The end of a turn: the thread sleeps until one of its events can occur. */
  EVENT: 9,
  /** Adds without reading: the counts of the proof, and messages. */
  TELL: 10,
} as const;

/** The condition under which an event can occur. */
export const When = { ALWAYS: 0, DIFFERS: 1, DEAD: 2, MAIL: 3, UNEQUAL: 4 } as const;

/** An event that can end a sleep. The thread receives its index in the list. */
export interface Alternative {
  readonly when: number;
  /** The word, or the thread. */
  readonly subject: number;
  /** DIFFERS: from this. UNEQUAL: the other word. */
  readonly value: number;
  readonly name: string;
}

export interface Operation {
  readonly kind: number;
  readonly slot: number;
  readonly a: number;
  readonly b: number;
  /** No other thread can observe when the operation happens, so it is no point to switch at. */
  readonly silent: boolean;
  /** A plain access to shared bytes, not an atomic one. */
  readonly plain: boolean;
  readonly events: readonly Alternative[];
  readonly text: string;
  /** At an EVENT: all of the thread's own state. Threads with equal keys continue alike, so their nodes are one. */
  readonly key: string;
}

export interface ThreadNode {
  readonly id: number;
  readonly operation: Operation;
  readonly parent: ThreadNode | null;
  readonly answer: number;
  readonly depth: number;
  /**
   * Whether the thread has only read since an earlier node. A kill here then leads to the same state as a kill there,
   * whatever the other threads did meanwhile. So the search need not kill here.
   */
  readonly looked: boolean;
  readonly children: Map<number, ThreadNode>;
}

/** The properties that distinguish one operation from another. */
type Asked = Partial<Omit<Operation, 'text' | 'key'>> & { readonly kind: number };
type Words = { readonly text: string; readonly key?: string };

export type Body = (run: Run) => void;

const PAUSE = Symbol('the next operation has no answer yet');
const NOTHING = { slot: 0, a: 0, b: 0, silent: false, plain: false, events: [], text: '', key: '' };

/** One run of a body. */
export class Run {
  readonly #path: ThreadNode[];
  readonly #answers: number[];
  #at = 0;
  pending: Operation | null = null;
  /** The world may keep words here that only this thread accesses. */
  readonly own: Map<number, number> = new Map();

  constructor(path: ThreadNode[], answers: number[]) {
    this.#path = path;
    this.#answers = answers;
  }

  /** `words` is called only for a new operation, because the text is expensive. */
  ask(operation: Asked, words: () => Words): number {
    if (this.#at < this.#answers.length) return this.#replay(operation);
    this.pending = { ...NOTHING, ...operation, ...words() };
    throw PAUSE;
  }

  #replay(operation: Asked): number {
    const known = this.#path[this.#at]!.operation;
    if (known.kind !== operation.kind || known.slot !== (operation.slot ?? 0))
      throw new Error(`a simulated thread is not deterministic where it ${known.text}`);
    return this.#answers[this.#at++]!;
  }
}

/** The run to which the code under proof belongs at this moment. */
export let current: Run;

function execute(body: Body, run: Run): Operation {
  current = run;
  try {
    body(run);
    return { ...NOTHING, kind: Kind.DONE };
  } catch (error) {
    if (error === PAUSE) return run.pending!;
    return { ...NOTHING, kind: Kind.FAIL, text: String(error instanceof Error ? error.message : error) };
  }
}

/** All behaviours of a thread: the tree of its answers. */
export class Thread {
  readonly name: string;
  readonly #body: Body;
  readonly nodes: ThreadNode[] = [];
  readonly #merged: Map<string, ThreadNode> = new Map();
  readonly root: ThreadNode;

  constructor(name: string, body: Body) {
    this.name = name;
    this.#body = body;
    this.root = this.#discover(null, 0);
  }

  /** The node of the thread after its operation at `node` got `answer`. */
  next(node: ThreadNode, answer: number): ThreadNode {
    let child = node.children.get(answer);
    if (child === undefined) {
      child = this.#discover(node, answer);
      node.children.set(answer, child);
    }
    return child;
  }

  #discover(parent: ThreadNode | null, answer: number): ThreadNode {
    const operation = execute(this.#body, runTo(parent, answer));
    const same = operation.key === '' ? undefined : this.#merged.get(operation.key);
    if (same !== undefined) return same;
    const depth = parent === null ? 0 : parent.depth + 1;
    const looked = operation.key === '' && parent !== null && hasOnlyLooked(parent);
    const node = { id: this.nodes.length, operation, parent, answer, depth, looked, children: new Map() };
    this.nodes.push(node);
    if (operation.key !== '') this.#merged.set(operation.key, node);
    return node;
  }
}

function hasOnlyLooked(parent: ThreadNode): boolean {
  if (parent.operation.kind !== Kind.LOAD) return false;
  return !parent.operation.silent || (parent.parent !== null && hasOnlyLooked(parent.parent));
}

function runTo(parent: ThreadNode | null, answer: number): Run {
  const length = parent === null ? 0 : parent.depth + 1;
  const path = new Array<ThreadNode>(length);
  const answers = new Array<number>(length);
  for (let node = parent, last = answer; node !== null; node = node.parent) {
    path[node.depth] = node;
    answers[node.depth] = last;
    last = node.answer;
  }
  return new Run(path, answers);
}
