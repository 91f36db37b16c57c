/**
 * The scenarios of the doorbells: the real `Acceptor` and real `WorkerLoop`s, links, rings and responses, asleep and
 * awake.
 *
 * Workers are killed at any step and judged by the acceptor's real `detach`. One may be a zombie, retired at any time
 * and ended at any later step.
 *
 * Law: sockets and applications are left out. A request is a number in its slab block, and an application answers
 * immediately. Every sleep is the real one. A timer may fire at any time, and does at last. A lost wake shows as a
 * state in which all threads sleep and a request has no response. Bytes of records are no points to switch at here:
 * `bytes.ts` shows that the ring's positions order them.
 */
import type { Exchange } from '../../src/acceptor/exchange/exchange.ts';
import type { WorkerLink } from '../../src/acceptor/workers/worker-link.ts';
import type { WorkerLinks } from '../../src/acceptor/workers/worker-links.ts';
import type { HeadBytes, PeerBytes } from '../../src/ring/message.ts';
import type { TsgiResponse } from '../../src/worker/tsgi/response.ts';
import type { Code } from './bundle.ts';
import { bufferOf, type Loop, openLoop, Port, textOf } from './machine.ts';
import {
  always,
  count,
  exits,
  type Mortal,
  note,
  plainWords,
  post,
  read,
  type Scenario,
  type View,
  type Visibility,
  World,
} from './world.ts';

export interface BellBounds {
  readonly requests: number;
  readonly workers: number;
  readonly kills: number;
  /** Whether the last worker is a zombie: retired at some time, ended at a later time. */
  readonly zombie: boolean;
  /** Requests whose client may leave. */
  readonly leavers: readonly number[];
  /** Whether the application is known to be cheap. The acceptor then leaves all work to a worker that is awake. */
  readonly cheap: boolean;
  /** Whether response rings have room for one response only, so that workers wait for space. */
  readonly fills: boolean;
  /** Whether each request is assigned to the last live worker and waits for it outside the request ring. */
  readonly pins?: boolean;
  readonly switches?: number;
}

const EXCHANGES = 4;
const REQUEST_RING = 8;
const HEAD = { length: 0, headerCount: 0 } as unknown as HeadBytes;
const PEERS = { addresses: [] } as unknown as PeerBytes;
const OPTIONS = {
  bodyBuffer: 1,
  maxRequestLine: 1,
  maxHeaderSize: 1,
  maxHeaders: 1,
  maxPending: 2,
  descriptors: Infinity,
  places: 2,
  streams: 0,
  maxBuffered: 1,
  maxRequests: 0,
  affinity: '',
};

class Stage {
  readonly code: Code;
  readonly bounds: BellBounds;
  readonly world: World;
  readonly layout: ReturnType<Code['layout']['layoutOf']>;

  constructor(code: Code, bounds: BellBounds) {
    this.code = code;
    this.bounds = bounds;
    this.layout = code.layout.layoutOf(EXCHANGES, REQUEST_RING);
    this.world = new World((region, index) => this.#visibility(region, index));
  }

  #visibility(region: string, index: number): Visibility {
    if (region === 'control') return this.#ofControl(index);
    if (region.startsWith('inbound')) return this.#ofInbound(region, index);
    if (!region.startsWith('responses')) return 'silent';
    if (index === 0) return `sole:worker ${region.slice(9)}`;
    if (index === 16) return this.bounds.fills ? 'sole:acceptor' : 'void';
    return this.bounds.fills ? 'shared' : 'still';
  }

  #ofInbound(region: string, index: number): Visibility {
    if (this.bounds.pins !== true) return 'void';
    if (index === 0) return 'sole:acceptor';
    return index === 16 ? `sole:worker ${region.slice(7)}` : 'shared';
  }

  #ofControl(index: number): Visibility {
    const { layout } = this;
    const { REQUEST_TAIL, DRAINING, REQUEST_HEAD, ACCEPTOR_ASLEEP } = this.code.layout;
    if (index === REQUEST_HEAD || index === ACCEPTOR_ASLEEP) return 'shared';
    if (index === REQUEST_TAIL || index >= layout.slots) return 'sole:acceptor';
    if (index === DRAINING) return 'void';
    if (index < layout.control) return this.#ofWorker(index);
    if (index < layout.credit) return 'shared';
    return index >= layout.slab && index < layout.extended ? 'silent' : 'void';
  }

  #ofWorker(index: number): Visibility {
    const { ASLEEP, COST, LIVE, NOTICE, ABORTS, workerWord } = this.code.layout;
    const { fills } = this.bounds;
    const leaves = this.bounds.leavers.length > 0;
    for (let slot = 1; slot <= this.bounds.workers; slot++) {
      if (index === workerWord(slot, ASLEEP)) return 'shared';
      if (index === workerWord(slot, COST)) return this.bounds.cheap ? 'void' : 'silent';
      if (index === workerWord(slot, NOTICE)) return fills || leaves ? 'sole:acceptor' : 'still';
      if (index === workerWord(slot, ABORTS)) return leaves ? 'sole:acceptor' : 'still';
      // Without a zombie only dead workers are not live, and the other threads use the word only as a hint.
      if (index === workerWord(slot, LIVE)) return this.bounds.zombie ? 'sole:acceptor' : 'silent';
    }
    return 'void';
  }

  buffers() {
    return {
      control: bufferOf('control', this.layout.words * 4),
      slab: bufferOf('slab', 104 * 1024),
      exchanges: EXCHANGES,
      ring: REQUEST_RING,
    };
  }

  rings(slot: number) {
    return {
      responses: bufferOf(`responses${slot}`, 192 + (this.bounds.fills ? 128 : 4096)),
      inbound: bufferOf(`inbound${slot}`, 192 + 64),
    };
  }

  /** Bytes of records are void here; the record headers are words of the world. */
  overlay(end: object, slot: number, thread: string, region: 'data' | 'told' = 'data'): void {
    const bytes = {
      latin1Write: () => 0,
      utf8Write: () => 0,
      set: () => {},
    };
    const view = () => new Uint8Array(0);
    Object.assign(end, { words: plainWords(this.world, `${region}${slot}`, thread), bytes, view });
  }
}

/** A box of mail for each direction of each port. */
function toAcceptor(slot: number): number {
  return 2 * slot;
}

function toWorker(slot: number): number {
  return 2 * slot + 1;
}

class AcceptorBody {
  readonly #stage: Stage;
  readonly #loop: Loop;
  readonly #acceptor;
  readonly #exchanges: (Exchange | null)[] = [];
  readonly #exited: Set<number> = new Set();
  /** Requests in flight whose client will leave. */
  readonly #leaving: Set<number> = new Set();
  #arrived = 0;
  #retired = false;

  constructor(stage: Stage) {
    this.#stage = stage;
    this.#loop = openLoop(stage.world, 'acceptor', ['control', 'slab']);
    this.#acceptor = new stage.code.Acceptor(OPTIONS as never, {} as never);
    this.#overlaySlab();
    for (let slot = 1; slot <= stage.bounds.workers; slot++) this.#attach(slot);
    if (stage.bounds.pins === true) this.#acceptor.exchanges.router = { route: this.#route } as never;
  }

  get #links(): WorkerLinks {
    return (this.#acceptor as unknown as { _links: WorkerLinks })._links;
  }

  readonly #route = (exchange: Exchange): WorkerLink | undefined => {
    exchange.pinned = true;
    return [...this.#links].filter((link) => link.live).at(-1);
  };

  #overlaySlab(): void {
    const words = plainWords(this.#stage.world, 'slab', 'acceptor');
    const { view } = (this.#acceptor as unknown as { _shared: { view: object } })._shared;
    const finishRequest = (offset: number, _body: number, _more: boolean, serial: number) => {
      words[offset >> 2] = serial;
    };
    Object.assign(view, { writeRequest: (offset: number) => offset, finishRequest });
  }

  #attach(slot: number): void {
    const { world } = this.#stage;
    const port = new Port(toAcceptor(slot), toWorker(slot), (box) => post(world, box));
    this.#acceptor.attach({ slot, index: 0, ...this.#stage.rings(slot), port: port as never });
    const link = this.#links.get(slot)!;
    this.#stage.overlay(link.responses, slot, 'acceptor');
    if (this.#stage.bounds.pins === true) this.#stage.overlay(link.inbound, slot, 'acceptor', 'told');
  }

  run(): never {
    const own = [this.#acceptor, this.#exchanges, this.#exited, this.#leaving];
    return this.#loop.run(
      () => this.#events(),
      () => textOf([...own, this.#arrived, this.#retired]),
    );
  }

  #events() {
    const { bounds, world } = this.#stage;
    note(world, 'ghost', 0, this.#acceptor.exchanges.active.size);
    const { slab } = (this.#acceptor as unknown as { _shared: { slab: { inUse: number } } })._shared;
    note(world, 'ghost', 1, slab.inUse);
    const events = [];
    if (this.#arrived < bounds.requests) {
      events.push({ alternative: always('a request'), happen: () => this.#arrive(false) });
      if (bounds.leavers.includes(this.#arrived))
        events.push({
          alternative: always('a request of a client that will leave'),
          happen: () => this.#arrive(true),
        });
    }
    for (const request of this.#leaving)
      events.push({ alternative: always(`client ${request} leave`), happen: () => this.#leave(request) });
    if (bounds.zombie && !this.#retired)
      events.push({ alternative: always('that it shall retire one'), happen: () => this.#retire() });
    for (let slot = 1; slot <= bounds.workers; slot++) {
      if (!this.#exited.has(slot))
        events.push({ alternative: exits(slot), happen: () => this.#detach(slot) });
    }
    return events;
  }

  #arrive(leaves: boolean): void {
    const request = this.#arrived++;
    const { exchanges } = this.#acceptor;
    const exchange = exchanges.begin(HEAD, PEERS, 0);
    if (exchange === undefined) return this.#answered(request);
    this.#exchanges[request] = exchange;
    if (leaves) this.#leaving.add(request);
    exchange.serial = request + 1;
    exchanges.submit(exchange, this.#connection(request) as never, 0, 0);
    this.#acceptor.requestTurn();
  }

  #connection(request: number) {
    const answered = () => this.#answered(request);
    return {
      output: { unsent: 0, full: false, write: () => true },
      exchangeOnEnd: answered,
      exchangeOnBroken: answered,
      exchangeOnRefused: () => {
        if (read(this.#stage.world, 'said', request) > 0) throw new Error(`the answer to ${request} is lost`);
        answered();
      },
    };
  }

  #leave(request: number): void {
    const exchange = this.#exchanges[request]!;
    this.#answered(request);
    this.#acceptor.requests.drop(exchange);
  }

  #retire(): void {
    this.#retired = true;
    this.#acceptor.retire(this.#stage.bounds.workers);
  }

  #detach(slot: number): void {
    this.#exited.add(slot);
    this.#acceptor.detach(slot);
  }

  #answered(request: number): void {
    this.#exchanges[request] = null;
    this.#leaving.delete(request);
    if (count(this.#stage.world, 'answered', request) > 1)
      throw new Error(`request ${request} is answered twice`);
  }
}

/** A worker's real loop over an application that answers at once. */
class WorkerBody {
  readonly #stage: Stage;
  readonly #slot: number;
  readonly #loop: Loop;
  readonly #link;
  readonly #pull;
  readonly #slab: Int32Array;
  readonly #inbound;
  /** Unfinished responses. */
  readonly #running: Set<TsgiResponse> = new Set();
  /** The request of each exchange that the worker has taken. */
  readonly #requests: number[] = [];

  constructor(stage: Stage, slot: number) {
    const { code, world } = stage;
    const thread = `worker ${slot}`;
    this.#stage = stage;
    this.#slot = slot;
    this.#loop = openLoop(world, thread);
    const doorbell = new Port(toWorker(slot), toAcceptor(slot), (box) => post(world, box)) as never;
    this.#link = new code.Link({ slot, shared: stage.buffers(), ...stage.rings(slot), doorbell });
    stage.overlay(this.#link.responses, slot, thread);
    this.#slab = plainWords(world, 'slab', thread);
    this.#pull = new code.WorkerLoop(this.#link, { concurrency: 2, maxStreams: 2, apart: true });
    if (stage.bounds.pins === true) stage.overlay(this.#link.inbound, slot, thread, 'told');
    const assign = (exchange: number, generation: number) => this.#pull.assign(exchange, generation);
    this.#inbound = new code.Inbound(
      this.#link,
      { wantBody: () => {}, checkAborts: () => {}, assign },
      false,
    );
    this.#watchCommits();
  }

  run(): never {
    const { running, pins } = { running: this.#running, pins: this.#stage.bounds.pins === true };
    this.#pull.start({
      run: (exchange, generation) => this.#answer(exchange, generation),
      sortInbound: () => pins && this.#inbound.sort(),
      inboundReady: () => this.#link.inbound.ready(),
      checkAborts: () => {},
      get running() {
        return running.size;
      },
    });
    const own = [this.#pull, this.#link, this.#running, this.#requests];
    return this.#loop.run(
      () => [],
      () => textOf(own),
    );
  }

  #answer(exchange: number, generation: number): void {
    const { code, world } = this.#stage;
    const { table } = this.#link.shared;
    const request = this.#slab[table.slabOffset(exchange) >> 2]! - 1;
    table.run(exchange, generation, this.#slot);
    if (count(world, 'ran', request) > 1) throw new Error(`request ${request} runs twice`);
    const plan = { http11: true, keepAlive: true, headRequest: false };
    const response = new code.TsgiResponse(this.#pull, exchange, generation, plan);
    this.#running.add(response);
    this.#requests[exchange] = request;
    response.respond(200, [], '');
    if (response.over) this.#running.delete(response);
    else response.onOver = () => this.#running.delete(response);
  }

  /** A response whose END was committed must not become a refusal. */
  #watchCommits(): void {
    const { responses } = this.#link;
    const commit = responses.commit.bind(responses);
    responses.commit = (length, kind, exchange, generation) => {
      commit(length, kind, exchange, generation);
      if ((kind & this.#stage.code.END) !== 0) count(this.#stage.world, 'said', this.#requests[exchange]!);
    };
  }
}

function judgeRest(stage: Stage, view: View): string | null {
  const { bounds, code } = stage;
  let open = 0;
  for (let request = 0; request < bounds.requests; request++)
    if (view.word('answered', request) === 0) open += 1;
  let living = 0;
  for (let slot = 1; slot <= bounds.workers; slot++)
    if (!view.dead(slot) && view.word('control', code.layout.workerWord(slot, code.layout.LIVE)) === 1)
      living += 1;
  if (open > 0 && living > 0) return `${open} requests are not answered, and ${living} live workers sleep`;
  if (view.word('ghost', 0) !== open)
    return `${view.word('ghost', 0)} exchanges are in use for ${open} requests`;
  return view.word('ghost', 1) === open * 1024 ? null : `${view.word('ghost', 1)} bytes of slab are not free`;
}

export function bellScenario(code: Code, bounds: BellBounds): [World, Scenario] {
  const stage = new Stage(code, bounds);
  const { world } = stage;
  const { ACCEPTOR_ASLEEP, COST, LIVE, workerWord } = code.layout;
  world.set('control', ACCEPTOR_ASLEEP, 0);
  const workers = Array.from({ length: bounds.workers }, (_, k) => {
    world.set('control', workerWord(k + 1, LIVE), 1);
    if (!bounds.cheap) world.set('control', workerWord(k + 1, COST), -1);
    const mortal: Mortal = bounds.zombie && k === bounds.workers - 1 ? 'free' : 'counted';
    return { name: `worker ${k + 1}`, mortal, body: () => new WorkerBody(stage, k + 1).run() };
  });
  const scenario: Scenario = {
    name: `doorbells: ${JSON.stringify(bounds)}`,
    threads: [{ name: 'acceptor', mortal: 'never', body: () => new AcceptorBody(stage).run() }, ...workers],
    kills: bounds.kills,
    ...(bounds.switches === undefined ? {} : { switches: bounds.switches }),
    atRest: (view) => judgeRest(stage, view),
  };
  world.start(scenario);
  return [world, scenario];
}
