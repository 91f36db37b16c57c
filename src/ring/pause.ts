/**
 * Blocks a thread for a moment.
 *
 * Law: in this room because no other room may use Atomics. Termination interrupts the pause of a thread.
 */
const NEVER = new Int32Array(new SharedArrayBuffer(4));

export function pause(milliseconds: number): void {
  Atomics.wait(NEVER, 0, 0, milliseconds);
}
