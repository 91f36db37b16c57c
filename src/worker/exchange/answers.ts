/**
 * What a worker observes in its own answers: keys that it gives to clients, and signs of state that other workers lack.
 *
 * Law: is shown the head of an answer before any of it is sent, and on request the start of its body; changes nothing.
 */

/** The request that is answered. */
export interface AnsweredRequest {
  readonly method: string;
  /** Its target. */
  readonly url: string;
  /** The value of the first field of that name, which is in lower case. */
  field(name: string): string | undefined;
}

export interface AnswerObserver {
  /** @param head status line to empty line. Returns true if `bodyOnStart` is to be shown the body's first part. */
  headOnReady(head: string, request: AnsweredRequest): boolean;
  bodyOnStart(body: Uint8Array | string): void;
}

/** The status in a head's first line. */
export function statusOf(head: string): number {
  return Number(head.slice(9, 12));
}

/** Several observers as one; null for none, so that an answer costs one comparison. */
export function observeWith(observers: readonly (AnswerObserver | null)[]): AnswerObserver | null {
  const present = observers.filter((observer) => observer !== null);
  if (present.length < 2) return present[0] ?? null;
  return {
    headOnReady: (head, request) =>
      present.map((observer) => observer.headOnReady(head, request)).includes(true),
    bodyOnStart: (body) => present.forEach((observer) => observer.bodyOnStart(body)),
  };
}
