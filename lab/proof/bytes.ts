/**
 * The scenarios of the byte ring: a body goes through an inbound ring too small for it, with kills in mid-record.
 *
 * The producer is the acceptor's real `Upload` with the sleep of the acceptor's turn. The consumer is the worker's real
 * `Inbound`. It blocks for the bytes, or sleeps in its event loop.
 *
 * Law: every word of the ring's data is a point to switch at, and data races are searched for. The other scenarios rely
 * on this when they access records without switching.
 */
import type { Code } from './bundle.ts';
import { openLoop, Port, textOf } from './machine.ts';
import {
  always,
  exits,
  mail,
  note,
  plainWords,
  post,
  type Scenario,
  SimMemory,
  sleep,
  type View,
  type Visibility,
  World,
} from './world.ts';

export interface BytesBounds {
  /** Bytes of each chunk, a multiple of four. */
  readonly chunks: readonly number[];
  readonly capacity: number;
  /** The start of the positions. */
  readonly start: number;
  /** The consumer stops its thread in `readSync`; otherwise it sleeps in its event loop. */
  readonly blocks: boolean;
  /** The application reads nothing before all bytes have arrived, so that only the ring's own flag reports space. */
  readonly late: boolean;
  readonly kills: number;
}

const PRODUCER_POSITION = 0;
const CONSUMER_POSITION = 16;
const INDEX = 0;
const GENERATION = 5;
const ACCEPTOR_BOX = 0;
const WORKER_BOX = 1;

/** Bytes as a view on plain simulated words, for the two calls that production code makes. */
function bytesOver(words: Int32Array) {
  return {
    set(chunk: Uint8Array, at: number) {
      for (let i = 0; i < chunk.length; i += 4) words[(at + i) >> 2] = chunk[i]!;
    },
    subarray(start: number, end: number): Uint8Array {
      const copy = new Uint8Array(end - start);
      for (let at = start; at < end; at += 4) copy[at - start] = words[at >> 2]!;
      return copy;
    },
  };
}

class Stage {
  readonly code: Code;
  readonly bounds: BytesBounds;
  readonly world: World;
  readonly layout: ReturnType<Code['layout']['layoutOf']>;

  constructor(code: Code, bounds: BytesBounds) {
    this.code = code;
    this.bounds = bounds;
    this.layout = code.layout.layoutOf(1, 1);
    this.world = new World((region, index) => visibility(region, index));
  }

  /** One end of the ring at the scenario's start position. */
  end<T extends object>(
    make: (buffer: SharedArrayBuffer, memory: SimMemory) => T,
    thread: string,
    own: string[],
  ): T {
    const { capacity, start } = this.bounds;
    const end = make(new SharedArrayBuffer(192 + capacity), new SimMemory(this.world, 'ring', thread));
    const words = plainWords(this.world, 'data', thread);
    Object.assign(end, { words, bytes: bytesOver(words) });
    for (const name of own) Object.assign(end, { [name]: start });
    return end;
  }

  control(thread: string) {
    const memory = new SimMemory(this.world, 'control', thread);
    return { memory, table: new this.code.ExchangeTable(memory, this.layout) };
  }

  flags(): { acceptor: number; worker: number } {
    const { ACCEPTOR_ASLEEP, ASLEEP, workerWord } = this.code.layout;
    return { acceptor: ACCEPTOR_ASLEEP, worker: workerWord(1, ASLEEP) };
  }
}

function visibility(region: string, index: number): Visibility {
  if (region === 'ghost') return 'silent';
  if (region !== 'ring') return 'shared';
  if (index === PRODUCER_POSITION) return 'sole:acceptor';
  return index === CONSUMER_POSITION ? 'sole:worker' : 'shared';
}

/** `Acceptor`'s turn and `Intake`'s bytes, as far as an upload uses them. */
function produce(stage: Stage): never {
  const { code, world, bounds } = stage;
  const { memory, table } = stage.control('acceptor');
  const producer = stage.end((buffer, ring) => new code.RingProducer(buffer, ring), 'acceptor', [
    '_position',
    '_cachedConsumer',
    '_start',
  ]);
  const loop = openLoop(world, 'acceptor');
  const port = new Port(ACCEPTOR_BOX, WORKER_BOX, (box) => post(world, box));
  const sleeper = new code.Sleeper(memory, stage.flags().acceptor);
  const bell = new code.Doorbell(memory, stage.flags().worker, port as never);
  const upload = new code.Upload();
  upload.wanted = true;
  const pump = () => {
    if (!upload.pump(producer, INDEX, GENERATION, table.consumed(INDEX))) return;
    producer.notify();
    bell.ring();
  };
  const turn = () => {
    sleeper.disarm();
    pump();
    sleeper.arm();
    pump();
  };
  port.on('message', turn);
  let arrived = 0;
  const arrive = () => {
    const length = bounds.chunks[arrived++]!;
    upload.add(new Uint8Array(length).fill(arrived));
    if (arrived === bounds.chunks.length) upload.end();
    // No turn is requested: between turns, the flag is armed.
    pump();
  };
  const bytes = { alternative: always('bytes of the client'), happen: arrive };
  sleeper.arm();
  return loop.run(
    () => (arrived < bounds.chunks.length ? [bytes] : []),
    () => textOf([upload, producer, arrived]),
  );
}

/** The worker's link, its gateway's inbound side, and an application that reads to the end. */
class Reader {
  readonly #stage: Stage;
  readonly #inbound;
  readonly #ring;
  readonly #body;
  readonly #sleeper;
  #received = 0;
  #chunk = 0;
  #over = false;

  constructor(stage: Stage) {
    const { code, world } = stage;
    const { memory, table } = stage.control('worker');
    openLoop(world, 'worker');
    this.#stage = stage;
    this.#ring = stage.end((buffer, ring) => new code.RingConsumer(buffer, ring), 'worker', [
      '_position',
      '_producer',
    ]);
    const port = new Port(WORKER_BOX, ACCEPTOR_BOX, (box) => post(world, box));
    this.#sleeper = new code.Sleeper(memory, stage.flags().worker);
    const acceptor = new code.Doorbell(memory, stage.flags().acceptor, port as never);
    const link = { inbound: this.#ring, acceptor, shared: { table }, turned: () => {} };
    const owner = { wantBody: () => {}, checkAborts: () => {}, assign: () => {} };
    this.#inbound = new code.Inbound(link as never, owner, true);
    this.#body = this.#inbound.open(INDEX, GENERATION);
  }

  run(): void {
    while (!this.#over) {
      if (this.#stage.bounds.blocks) this.#body.waitSync();
      else this.#turn();
      this.#read();
    }
    // Reads to the end: any byte after the body would be wrong.
    sleep([]);
  }

  /** `WorkerLoop`'s turn, as far as an inbound ring uses it. */
  #turn(): void {
    this.#sleeper.disarm();
    this.#inbound.sort();
    if (this.#read()) return;
    this.#sleeper.arm();
    if (this.#ring.ready()) return;
    const events = [mail(this.#stage.world, WORKER_BOX), exits(0)];
    const own = [this.#ring, this.#body, this.#received, this.#chunk];
    if (sleep(events, () => textOf(own)) === 1) this.#drain();
  }

  /** The producer has died, perhaps in mid-record. Only the committed records may be there. */
  #drain(): void {
    this.#inbound.sort();
    this.#read();
    if (this.#ring.ready()) throw new Error('a dead producer leaves records that cannot be read');
    this.#over = true;
  }

  /** Each byte must be the next one that was sent. Returns true at the end of the body. */
  #read(): boolean {
    if (this.#stage.bounds.late && !(this.#body as unknown as { _ended: boolean })._ended) return false;
    for (let chunk = this.#body.next(); chunk !== undefined && !this.#over; chunk = this.#body.next()) {
      if (chunk === null) this.#end();
      else this.#check(chunk);
    }
    return this.#over;
  }

  #check(chunk: Uint8Array): void {
    for (let i = 0; i < chunk.length; i += 4) {
      if (chunk[i] !== this.#chunk + 1) throw new Error(`byte ${this.#received} is not what was sent`);
      this.#received += 4;
      if (this.#received === total(this.#stage.bounds, this.#chunk)) this.#chunk += 1;
    }
  }

  #end(): void {
    const { bounds, world } = this.#stage;
    if (this.#received !== total(bounds, bounds.chunks.length - 1))
      throw new Error('the body ends too early');
    this.#over = true;
    note(world, 'ghost', 0, 1);
  }
}

/** The number of bytes up to the end of a chunk. */
function total({ chunks }: BytesBounds, last: number): number {
  return chunks.slice(0, last + 1).reduce((sum, length) => sum + length, 0);
}

function judgeRest(view: View): string | null {
  if (view.dead(0) || view.dead(1)) return null;
  return view.word('ghost', 0) === 1 ? null : 'both sides sleep, and the body is not through';
}

export function bytesScenario(code: Code, bounds: BytesBounds): [World, Scenario] {
  const stage = new Stage(code, bounds);
  const { world } = stage;
  // An earlier lap has left bytes there.
  for (let word = 0; word < bounds.capacity / 4; word++) world.set('data', word, 0x01010101);
  world.set('ring', PRODUCER_POSITION, bounds.start);
  world.set('ring', CONSUMER_POSITION, bounds.start);
  const scenario: Scenario = {
    name: `byte ring: ${JSON.stringify(bounds)}`,
    threads: [
      { name: 'acceptor', mortal: 'counted', body: () => produce(stage) },
      { name: 'worker', mortal: 'counted', body: () => new Reader(stage).run() },
    ],
    kills: bounds.kills,
    races: true,
    atRest: judgeRest,
  };
  world.start(scenario);
  return [world, scenario];
}
