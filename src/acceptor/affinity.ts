/**
 * Which worker a key belongs to: requests that carry it go to the same one.
 *
 * Law: knows keys and where they stand in requests and answers; not rings or sockets.
 *
 * A key that a worker gave out itself (a cookie that it set, a field of its answer, the `sid` of an Engine.IO
 * handshake) is that worker's, which has the session in its memory: it is remembered. Any other key is decided by
 * rendezvous hashing over the workers that live, so that it stays where it is as long as its worker does, and a worker
 * that goes moves its own keys alone. Workers count by their index, which a replacement inherits.
 */
import type { SlabView } from '../ring/message.ts';

/** Where a key stands. */
interface Place {
  readonly kind: 'query' | 'cookie' | 'header';
  readonly name: string;
}

/** Keys that are remembered; the one that was not used for longest is forgotten first. */
const MOST_KEYS = 100_000;
/** Of an answer's first record, bytes that are looked through. */
const LOOKED_AT = 16 * 1024;

export class Affinity {
  readonly #place: Place;
  readonly #given: RegExp;
  /** Key → index of its worker; what was used last stands last. */
  readonly #known: Map<string, number> = new Map();

  /** @param option `kind:name`, as the options table has it */
  constructor(option: string) {
    const [kind, name] = option.split(':') as [Place['kind'], string];
    this.#place = { kind, name };
    this.#given = givenBy(this.#place);
  }

  /** The key that the request at `offset` carries; undefined: none. */
  keyOf(view: SlabView, offset: number): string | undefined {
    const { kind, name } = this.#place;
    const found =
      kind === 'query'
        ? parameter(view.target(offset), name)
        : kind === 'cookie'
          ? cookie(view.field(offset, 'cookie'), name)
          : view.field(offset, name.toLowerCase());
    return found === '' ? undefined : found;
  }

  /** One of `workers`, which must not be empty. */
  workerFor<Worker extends { readonly index: number }>(key: string, workers: readonly Worker[]): Worker {
    const index = this.#known.get(key);
    if (index !== undefined) {
      this.#remember(key, index);
      const own = workers.find((worker) => worker.index === index);
      if (own !== undefined) return own;
    }
    return workers.reduce((best, worker) =>
      weight(key, worker.index) > weight(key, best.index) ? worker : best,
    );
  }

  /** The first bytes of an answer by the worker with that index. */
  learn(bytes: Buffer, index: number): void {
    const text = bytes.toString('latin1', 0, LOOKED_AT);
    for (const [, key] of text.matchAll(this.#given)) if (key !== '') this.#remember(key!, index);
  }

  #remember(key: string, index: number): void {
    this.#known.delete(key);
    this.#known.set(key, index);
    if (this.#known.size <= MOST_KEYS) return;
    for (const oldest of this.#known.keys()) return void this.#known.delete(oldest);
  }
}

/** Where an answer gives a key out. */
function givenBy({ kind, name }: Place): RegExp {
  const escaped = name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  switch (kind) {
    case 'cookie':
      return new RegExp(`^set-cookie:[ \\t]*${escaped}=([^;\\r\\n]*)`, 'gim');
    case 'header':
      return new RegExp(`^${escaped}:[ \\t]*([^\\r\\n]*?)[ \\t]*\\r$`, 'gim');
    case 'query':
      // Engine.IO's OPEN packet is the whole body: `0{"sid":"…"`, in its third version behind a length.
      return new RegExp(`\\r\\n\\r\\n(?:\\d+:)?0\\{"${escaped}":"([^"\\\\]+)"`, 'g');
  }
}

function parameter(target: string, name: string): string | undefined {
  const start = target.indexOf('?');
  if (start === -1) return undefined;
  return valueOf(target.slice(start + 1).split('&'), name);
}

function cookie(field: string | undefined, name: string): string | undefined {
  return field === undefined ? undefined : valueOf(field.split(/; */), name);
}

function valueOf(pairs: readonly string[], name: string): string | undefined {
  return pairs.find((pair) => pair.startsWith(`${name}=`))?.slice(name.length + 1);
}

/** How much a worker wants a key: FNV-1a of both, mixed so that close indices lie far apart. */
function weight(key: string, index: number): number {
  let hash = 0x811c9dc5 ^ Math.imul(index + 1, 0x9e3779b1);
  for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 15), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
