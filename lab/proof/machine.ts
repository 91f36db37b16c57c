/**
 * The surroundings of the code under proof in a simulated thread: its event loop, timers and buffers.
 *
 * Law: one loop per run, and nothing outlives a run. A turn of a loop ends in a sleep. Its events are everything that
 * may come next, in any order: an immediate, a timer, a message, an event of the scenario. Time stands still, so a
 * timer may fire at any moment.
 */
import { always, mail, SimMemory, sleep, type World } from './world.ts';
import type { Alternative } from './thread.ts';

type Task = () => void;

interface Event {
  readonly alternative: Alternative;
  readonly happen: Task;
}

/** The event loop of the thread that is running. */
export class Loop {
  readonly world: World;
  readonly thread: string;
  /** Regions of the shared buffers that this thread makes, in the order of their creation. */
  readonly made: string[];
  readonly tasks: { readonly name: string; readonly run: Task }[] = [];
  readonly ports: Port[] = [];

  constructor(world: World, thread: string, made: string[]) {
    this.world = world;
    this.thread = thread;
    this.made = made;
  }

  /** Turns forever. `more` returns the scenario's events. `state` returns all of this thread's own state as text. */
  run(more: () => Event[], state: () => string): never {
    for (;;) {
      const events = [...this.#tasks(), ...this.#messages(), ...more()];
      const place = sleep(
        events.map(({ alternative }) => alternative),
        () => `${this.tasks.map(({ name }) => name).join()} ${state()}`,
      );
      events[place]!.happen();
    }
  }

  #tasks(): Event[] {
    return this.tasks.map((task) => ({
      alternative: always(task.name),
      happen: () => {
        this.tasks.splice(this.tasks.indexOf(task), 1);
        task.run();
      },
    }));
  }

  #messages(): Event[] {
    const open = this.ports.filter((port) => port.listener !== null);
    return open.map((port) => ({
      alternative: mail(this.world, port.inbox),
      happen: () => port.listener!(),
    }));
  }
}

let loop: Loop;

/** The loop of a run that begins. `made` names the shared buffers that its thread makes. */
export function openLoop(world: World, thread: string, made: string[] = []): Loop {
  loop = new Loop(world, thread, made);
  return loop;
}

/** One end of a MessagePort. */
export class Port {
  readonly inbox: number;
  readonly #outbox: number;
  readonly #post: (box: number) => void;
  listener: Task | null = null;

  constructor(inbox: number, outbox: number, post: (box: number) => void) {
    this.inbox = inbox;
    this.#outbox = outbox;
    this.#post = post;
    loop.ports.push(this);
  }

  on(_: string, listener: Task): this {
    this.listener = listener;
    return this;
  }

  unref(): void {}

  close(): void {
    this.listener = null;
  }

  postMessage(): void {
    this.#post(this.#outbox);
  }
}

const buffers: Map<string, SharedArrayBuffer> = new Map();
const regions: WeakMap<object, string> = new WeakMap();

/** The buffer of a region. Its bytes are never read: the world holds the shared words. */
export function bufferOf(region: string, bytes: number): SharedArrayBuffer {
  let buffer = buffers.get(region);
  if (buffer === undefined || buffer.byteLength !== bytes) {
    buffer = new SharedArrayBuffer(bytes);
    buffers.set(region, buffer);
    regions.set(buffer, region);
  }
  return buffer;
}

function later(name: string) {
  return (run: Task) => {
    const task = { name, run };
    loop.tasks.push(task);
    return task;
  };
}

function forget(task: { name: string; run: Task }): void {
  const at = loop.tasks.indexOf(task);
  if (at >= 0) loop.tasks.splice(at, 1);
}

const machine = {
  SharedArrayBuffer: function MadeBuffer(bytes: number) {
    return bufferOf(loop.made.shift() ?? 'unnamed', bytes);
  },
  AtomicMemory: function MadeMemory(words: Int32Array) {
    return new SimMemory(loop.world, regions.get(words.buffer) ?? 'unnamed', loop.thread);
  },
  setImmediate: later('an immediate'),
  setTimeout: later('a timer'),
  clearTimeout: forget,
  setInterval: () => null,
  clearInterval: () => {},
  Date: class MachineDate extends Date {
    static override now() {
      return 1;
    }
  },
  performance: { now: () => 1, eventLoopUtilization: () => ({ active: 0 }) },
};

Object.assign(globalThis, { proofMachine: machine });

const OPAQUE = new Set([
  '_options',
  '_events',
  '_date',
  'limits',
  'world',
  'memory',
  '_memory',
  'view',
  '_view',
  'words',
  'bytes',
  'layout',
  '_layout',
]);

/** An object graph as text: equal texts mean equal behaviour. Functions and references to shared words are left out. */
export function textOf(value: unknown, seen: Map<object, number> = new Map()): string {
  if (typeof value === 'function') return 'f';
  if (typeof value !== 'object' || value === null) return String(value);
  const known = seen.get(value);
  if (known !== undefined) return `@${known}`;
  seen.set(value, seen.size);
  if (ArrayBuffer.isView(value)) return (value as Int32Array).join();
  if (value instanceof SharedArrayBuffer) return 'b';
  if (value instanceof Set || value instanceof Map)
    return `{${[...value].map((item) => textOf(item, seen)).join()}}`;
  if (Array.isArray(value)) return `[${value.map((item) => textOf(item, seen)).join()}]`;
  let text = '';
  for (const name of Object.keys(value)) {
    if (!OPAQUE.has(name)) text += `${name}:${textOf((value as Record<string, unknown>)[name], seen)};`;
  }
  return `(${text})`;
}
