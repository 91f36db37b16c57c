/**
 * The scenarios of the request ring. An acceptor submits, cancels, expires, compacts and judges. Consumers claim, take,
 * run and answer.
 *
 * One of the consumers is a zombie, which may end at any step in addition to the kills.
 *
 * Law: the acceptor's side is the real book (`Exchanges`) over the real ring, table and slab. A consumer is
 * `WorkerLoop`'s claim and `Gateway`'s run as a sequence of real calls. No thread wakes another here (`bells.ts` covers
 * that): a consumer that found nothing sleeps until an entry exists. Steps and switches have no bound.
 */
import type { Exchange } from '../../src/acceptor/exchange/exchange.ts';
import type { HeadBytes, PeerBytes, SlabView } from '../../src/ring/message.ts';
import type { Code } from './bundle.ts';
import { textOf } from './machine.ts';
import { type Alternative, Kind } from './thread.ts';
import {
  always,
  count,
  differs,
  exits,
  note,
  plainWords,
  type Scenario,
  SimMemory,
  sleep,
  unequal,
  type View,
  type Visibility,
  World,
} from './world.ts';

export interface BookBounds {
  readonly requests: number;
  readonly exchanges: number;
  readonly ring: number;
  readonly maxPending: number;
  readonly consumers: number;
  readonly kills: number;
  /** Whether the last consumer is a zombie. */
  readonly zombie: boolean;
  /** Requests whose client may leave. */
  readonly leavers: readonly number[];
  /** Whether the acceptor finds once that every request has waited too long. */
  readonly expires: boolean;
  readonly switches?: number;
  /** Whether the words of the slab are points to switch at, with a search for races. */
  readonly races: boolean;
}

/** Just before positions change their sign, so that every run wraps. */
const START = 0x7fffffff;
const RING_BYTES = 256;

const HEAD = { length: 0, headerCount: 0 } as unknown as HeadBytes;
const PEERS = { addresses: [] } as unknown as PeerBytes;

/** Everything that the bodies of one scenario's threads share. It has no state, so that a body can be run again. */
class Stage {
  readonly code: Code;
  readonly world: World;
  readonly bounds: BookBounds;
  readonly layout: ReturnType<Code['layout']['layoutOf']>;

  constructor(code: Code, bounds: BookBounds) {
    this.code = code;
    this.bounds = bounds;
    this.layout = code.layout.layoutOf(bounds.exchanges, bounds.ring);
    this.world = new World((region, index) => this.#visibility(region, index));
  }

  /** Words that no thread reads here are void. `bytes.ts` proves the order of the bytes of records. */
  #visibility(region: string, index: number): Visibility {
    const { layout, bounds } = this;
    if (region.startsWith('data')) return 'silent';
    if (region === 'slab') return bounds.races ? 'shared' : 'silent';
    if (region !== 'control') return index === 0 ? `sole:consumer ${region.slice(4)}` : 'silent';
    if (index === this.code.layout.REQUEST_TAIL) return 'sole:acceptor';
    if (index >= layout.slots) return 'sole:acceptor';
    if (index < layout.credit) return 'shared';
    if (index < layout.slab || index >= layout.extended) return 'void';
    return bounds.races ? 'sole:acceptor' : 'silent';
  }

  shared(thread: string) {
    const { code, layout, world } = this;
    const memory = new SimMemory(world, 'control', thread);
    return {
      memory,
      ring: this.#counted(new code.RequestRing(memory, layout)),
      table: new code.ExchangeTable(memory, layout),
      slabWords: plainWords(world, 'slab', thread),
      layout,
    };
  }

  /** An entry may be claimed as often as it was pushed, and not more often. */
  #counted(ring: InstanceType<Code['RequestRing']>) {
    const [push, claim] = [ring.push.bind(ring), ring.claim.bind(ring)];
    ring.push = (entry) => {
      const position = push(entry);
      if (position !== this.code.EMPTY) count(this.world, 'queued', entry >>> 0);
      return position;
    };
    ring.claim = () => {
      const entry = claim();
      if (entry !== this.code.EMPTY && count(this.world, 'queued', entry, -1) < 0)
        throw new Error(`entry ${entry} is claimed twice`);
      return entry;
    };
    return ring;
  }

  producer(consumer: number, thread: string) {
    const memory = new SimMemory(this.world, `ring${consumer}`, thread);
    const producer = new this.code.RingProducer(new SharedArrayBuffer(192 + RING_BYTES), memory);
    return Object.assign(producer, { words: plainWords(this.world, `data${consumer}`, thread) });
  }

  responses(consumer: number, thread: string) {
    const memory = new SimMemory(this.world, `ring${consumer}`, thread);
    const responses = new this.code.RingConsumer(new SharedArrayBuffer(192 + RING_BYTES), memory);
    return Object.assign(responses, { words: plainWords(this.world, `data${consumer}`, thread) });
  }
}

/** The slab block of a request holds only its serial number. */
function viewOf(words: Int32Array): SlabView {
  return {
    writeRequest: (offset: number) => offset,
    finishRequest: (offset: number, _body: number, _more: boolean, serial: number) => {
      words[offset >> 2] = serial;
    },
    requestLine: () => '',
  } as unknown as SlabView;
}

class AcceptorBody {
  readonly #stage: Stage;
  readonly #shared: ReturnType<Stage['shared']>;
  readonly #slab;
  readonly #book;
  readonly #responses;
  readonly #seen: number[];
  readonly #exited: boolean[];
  readonly #requests: (Exchange | null)[] = [];
  /** Requests in flight whose client will leave. */
  readonly #leaving: Set<number> = new Set();
  #arrived = 0;
  #expires: boolean;

  constructor(stage: Stage) {
    const { code, bounds } = stage;
    this.#stage = stage;
    this.#shared = stage.shared('acceptor');
    this.#slab = new code.Slab(1, 1);
    const memory = { ...this.#shared, slab: this.#slab, view: viewOf(this.#shared.slabWords) };
    this.#book = new code.Exchanges(memory, bounds.maxPending);
    const consumers = Array.from({ length: bounds.consumers }, (_, consumer) => consumer);
    this.#responses = consumers.map((consumer) => stage.responses(consumer, 'acceptor'));
    this.#seen = consumers.map(() => 0);
    this.#exited = consumers.map(() => false);
    this.#expires = bounds.expires;
  }

  run(): never {
    for (;;) {
      const events = this.#events();
      note(this.#stage.world, 'ghost', 0, this.#book.active.size);
      note(this.#stage.world, 'ghost', 1, this.#slab.inUse);
      const own = [
        this.#book,
        this.#slab,
        this.#requests,
        this.#leaving,
        this.#seen,
        this.#exited,
        this.#arrived,
      ];
      const place = sleep(
        events.map(([alternative]) => alternative),
        () => textOf([...own, this.#expires]),
      );
      events[place]![1]();
    }
  }

  #events(): [Alternative, () => void][] {
    const { bounds, world } = this.#stage;
    const events: [Alternative, () => void][] = [];
    if (this.#arrived < bounds.requests) {
      events.push([always('a request'), () => this.#arrive(false)]);
      if (bounds.leavers.includes(this.#arrived))
        events.push([always('a request of a client that will leave'), () => this.#arrive(true)]);
    }
    for (const request of this.#leaving)
      events.push([always(`that client ${request} has left`), () => this.#leave(request)]);
    if (this.#expires && this.#arrived > 0)
      events.push([always('that time has passed'), () => this.#expire()]);
    for (let k = 0; k < bounds.consumers; k++) {
      if (this.#exited[k]) continue;
      const tail = world.slot(`ring${k}`, 0);
      events.push([differs(tail, this.#seen[k]!, `records of ${k}`), () => this.#drain(k)]);
      events.push([exits(k + 1), () => this.#detach(k)]);
    }
    return events;
  }

  #arrive(leaves: boolean): void {
    const request = this.#arrived++;
    const exchange = this.#book.begin(HEAD, PEERS, 0);
    if (exchange === undefined) return void this.#answered(request);
    this.#requests[request] = exchange;
    if (leaves) this.#leaving.add(request);
    exchange.serial = request + 1;
    const connection = { output: { unsent: 0 }, exchangeOnRefused: () => this.#answered(request) };
    this.#book.submit(exchange, connection as never, 0, 0);
  }

  #leave(request: number): void {
    const exchange = this.#requests[request]!;
    this.#leaving.delete(request);
    if (this.#book.cancel(exchange)) this.#answered(request);
    else this.#book.abandon(exchange, 1);
  }

  #expire(): void {
    this.#expires = false;
    for (const exchange of this.#book.expirePending(Number.POSITIVE_INFINITY)) {
      const { connection } = exchange;
      this.#book.finish(exchange);
      connection?.exchangeOnRefused(503);
    }
  }

  #drain(consumer: number): void {
    const responses = this.#responses[consumer]!;
    while (responses.next()) {
      const exchange = this.#book.get(responses.exchange, responses.generation);
      if (exchange === undefined) throw new Error('a record of an exchange that is over');
      this.#answered(exchange.serial - 1);
      this.#book.finish(exchange);
      responses.release();
    }
    this.#seen[consumer] = (responses as unknown as { _producer: number })._producer;
  }

  #detach(consumer: number): void {
    this.#drain(consumer);
    this.#exited[consumer] = true;
    const taken = [...this.#book.active].filter((exchange) => exchange.connection === null);
    this.#book.judge(consumer + 1);
    // A request whose client had left ends with its worker, without a response.
    for (const exchange of taken) if (!exchange.inUse) this.#answered(exchange.serial - 1);
  }

  #answered(request: number): void {
    this.#requests[request] = null;
    this.#leaving.delete(request);
    if (count(this.#stage.world, 'answered', request) > 1)
      throw new Error(`request ${request} is answered twice`);
  }
}

function consume(stage: Stage, consumer: number): never {
  const { code, world } = stage;
  const thread = `consumer ${consumer}`;
  const { memory, ring, table, slabWords } = stage.shared(thread);
  const producer = stage.producer(consumer, thread);
  const { REQUEST_HEAD, REQUEST_TAIL } = code.layout;
  // A consumer about to load the head begins a claim. Its only private state is its position in the response ring.
  const position = () => String((producer as unknown as { _position: number })._position);
  memory.stateAt = (kind, index) =>
    kind === Kind.LOAD && index === REQUEST_HEAD ? `claims ${position()}` : '';
  const more = unequal(world.slot('control', REQUEST_HEAD), world.slot('control', REQUEST_TAIL), 'of more');
  for (;;) {
    const entry = ring.claim();
    if (entry === code.EMPTY) {
      sleep([more], position);
      continue;
    }
    const generation = table.take(entry, consumer + 1);
    if (generation === code.LOST) continue;
    const index = entry & 0xffff;
    const request = slabWords[table.slabOffset(index) >> 2]! - 1;
    table.run(index, generation, consumer + 1);
    if (count(world, 'ran', request) > 1) throw new Error(`request ${request} runs twice`);
    if (producer.claim(0) === code.INSUFFICIENT) throw new Error('a response ring of the proof is too small');
    producer.commit(0, code.END, index, generation);
    count(world, 'said', request);
  }
}

function judgeRest(stage: Stage, view: View): string | null {
  const { bounds } = stage;
  let open = 0;
  for (let request = 0; request < bounds.requests; request++) {
    if (view.word('answered', request) === 0) open += 1;
    else if (view.word('said', request) > 0 && view.word('ran', request) === 0) return 'said but not run';
  }
  const living = Array.from({ length: bounds.consumers }, (_, k) => !view.dead(k + 1)).filter(Boolean).length;
  if (view.word('ghost', 0) !== open)
    return `${view.word('ghost', 0)} exchanges are in use for ${open} requests`;
  if (view.word('ghost', 1) !== open * 1024)
    return `${view.word('ghost', 1)} bytes of slab for ${open} requests`;
  if (open > 0 && living > 0) return `${open} requests are lost, and ${living} consumers sleep`;
  return open > 0 ? findQueued(stage, view, open) : null;
}

/** No consumer lives: requests without a response must be in the queue, for the next worker. */
function findQueued({ code, layout }: Stage, view: View, open: number): string | null {
  const tail = view.word('control', code.layout.REQUEST_TAIL);
  const found = new Set<number>();
  for (let at = view.word('control', code.layout.REQUEST_HEAD); at !== tail; at = (at + 1) | 0) {
    const entry = view.word('control', layout.slots + (at & (layout.ring - 1))) >>> 0;
    const word = view.word('control', layout.control + (entry & 0xffff));
    const pending = code.layout.stateOf(word) === code.layout.ExchangeState.PENDING;
    if (pending && (code.layout.generationOf(word) & 0xffff) === entry >>> 16) found.add(entry);
  }
  return found.size === open ? null : `${open} requests wait, and ${found.size} of them are queued`;
}

export function bookScenario(code: Code, bounds: BookBounds): [World, Scenario] {
  const stage = new Stage(code, bounds);
  const { world } = stage;
  world.set('control', code.layout.REQUEST_HEAD, START);
  world.set('control', code.layout.REQUEST_TAIL, START);
  const consumers = Array.from({ length: bounds.consumers }, (_, k) => ({
    name: bounds.zombie && k === bounds.consumers - 1 ? 'zombie' : `consumer ${k}`,
    mortal: bounds.zombie && k === bounds.consumers - 1 ? ('free' as const) : ('counted' as const),
    body: () => consume(stage, k),
  }));
  const scenario: Scenario = {
    name: `request ring: ${JSON.stringify(bounds)}`,
    threads: [{ name: 'acceptor', mortal: 'never', body: () => new AcceptorBody(stage).run() }, ...consumers],
    kills: bounds.kills,
    races: bounds.races,
    ...(bounds.switches === undefined ? {} : { switches: bounds.switches }),
    atRest: (view) => judgeRest(stage, view),
  };
  world.start(scenario);
  return [world, scenario];
}
