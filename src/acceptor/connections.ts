/**
 * The open connections of one server.
 *
 * Law: which there are, which of them wait for a time, and all of them at once; what one does is `connection.ts`.
 */
import type { Connection } from './connection.ts';

export class Connections {
  readonly #open: Set<Connection> = new Set();
  /** Most of those that an application has taken over wait for nothing, and are not looked at. */
  readonly #watched: Set<Connection> = new Set();
  #onNone: (() => void) | null = null;

  get size(): number {
    return this.#open.size;
  }

  add(connection: Connection): void {
    this.#open.add(connection);
    this.#watched.add(connection);
  }

  /** Looks at it at every tick, until it waits for no time any more. */
  watch(connection: Connection): void {
    if (this.#open.has(connection)) this.#watched.add(connection);
  }

  remove(connection: Connection): void {
    this.#open.delete(connection);
    this.#watched.delete(connection);
    if (this.#open.size === 0) this.#onNone?.();
  }

  tick(now: number): void {
    for (const connection of this.#watched) if (!connection.tick(now)) this.#watched.delete(connection);
  }

  /** Each is closed when it has been answered. Resolves when none is left. */
  async close(): Promise<void> {
    for (const connection of [...this.#open]) connection.close();
    if (this.#open.size > 0) await new Promise<void>((resolve) => (this.#onNone = resolve));
  }

  /** Every connection waits only for the rest of a response, or for its end. */
  get areAnswered(): boolean {
    for (const connection of this.#open) if (!connection.isAnswered) return false;
    return true;
  }

  /** Cuts each now. */
  destroy(): void {
    for (const connection of [...this.#open]) connection.destroy();
  }
}
