/**
 * Blocks a thread for a moment.
 *
 * Law: here because Atomics are this room's alone. A thread that is being terminated does not finish its pause.
 */
const NEVER = new Int32Array(new SharedArrayBuffer(4));

export function pause(milliseconds: number): void {
  Atomics.wait(NEVER, 0, 0, milliseconds);
}
