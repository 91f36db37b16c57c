/**
 * Reports the keys that this worker gives to clients, so that the acceptor knows whose they are (`--affinity`).
 *
 * Law: reads the heads of this worker's own answers, and the first characters of one kind of body: the OPEN packet of
 * Engine.IO's long-polling, which is the only place that names its session. The report is one record with the key alone.
 *
 * Order: the report is committed to the response ring before the answer's first record. If the ring has no room, the
 * report waits with the other records that found none, and the loop writes it before it flushes an answer that waits. A
 * worker that dies in between has reported a key that no client has got, which is harmless.
 */
import {
  type AffinityPlace,
  keyGivenBy,
  mayOpenSession,
  placeOf,
  sessionOpenedBy,
} from '../../http/affinity-key.ts';
import { type AnsweredRequest, type AnswerObserver, statusOf } from './answers.ts';

export class GivenKeys implements AnswerObserver {
  readonly #place: AffinityPlace;
  readonly #report: (key: string) => void;

  /** @param report writes one record with the key */
  constructor(option: string, report: (key: string) => void) {
    this.#place = placeOf(option);
    this.#report = report;
  }

  headOnReady(head: string, request: AnsweredRequest): boolean {
    const place = this.#place;
    if (place.kind === 'query')
      return mayOpenSession(request.method, request.url, place.name) && statusOf(head) === 200;
    const key = keyGivenBy(place, statusOf(head), head);
    if (key !== undefined) this.#report(key);
    return false;
  }

  bodyOnStart(body: Uint8Array | string): void {
    const place = this.#place;
    if (place.kind !== 'query') return;
    const text = typeof body === 'string' ? body : Buffer.from(body.subarray(0, 512)).toString('latin1');
    const key = sessionOpenedBy(text, place.name);
    if (key !== undefined) this.#report(key);
  }
}
