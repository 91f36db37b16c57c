/**
 * How a worker observes its own answers. It looks for keys that it gives to clients, and for signs of state that other workers
 * lack.
 *
 * Law: an observer receives the head of an answer before any of it is sent, and on request the start of its body. It changes
 * nothing.
 */

/** The request of an observed answer. */
export interface AnsweredRequest {
  readonly method: string;
  /** The request target. */
  readonly url: string;
  /** The value of the first field of that name. `name` is in lower case. */
  field(name: string): string | undefined;
}

export interface AnswerObserver {
  /**
   * Receives the head of an answer.
   * @param head status line to empty line
   * @returns true if the answer's first body part should be passed to `bodyOnStart`
   */
  headOnReady(head: string, request: AnsweredRequest): boolean;
  bodyOnStart(body: Uint8Array | string): void;
}

/** The status code in a head's first line. */
export function statusOf(head: string): number {
  return Number(head.slice(9, 12));
}

/** Joins several observers into one. Returns null for none, so that an unobserved answer costs one comparison. */
export function observeWith(observers: readonly (AnswerObserver | null)[]): AnswerObserver | null {
  const present = observers.filter((observer) => observer !== null);
  if (present.length < 2) return present[0] ?? null;
  return {
    headOnReady: (head, request) =>
      present.map((observer) => observer.headOnReady(head, request)).includes(true),
    bodyOnStart: (body) => present.forEach((observer) => observer.bodyOnStart(body)),
  };
}
