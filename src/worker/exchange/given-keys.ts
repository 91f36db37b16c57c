/**
 * Reports the keys that this worker gives to clients, so that the acceptor knows the worker of each key (`--affinity`).
 *
 * Law: reads the heads of this worker's own answers. Of bodies it reads only the first characters of Engine.IO's OPEN packet in
 * long-polling, the only place with the session's name. The report is one record with the key alone.
 *
 * Order: the report is committed to the response ring before the answer's first record. If the ring has no room, the report
 * waits with other such records. The loop writes it before it flushes a waiting answer. If the worker dies in between, it has
 * reported a key that no client has received, which is harmless.
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
