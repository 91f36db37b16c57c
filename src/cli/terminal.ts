/**
 * The terminal that a command was started on, if it was.
 *
 * Law: tells whether there was one and whether it is gone; what follows is for who asks.
 */
import { isatty } from 'node:tty';

/** Descriptors of standard streams that were a terminal at the start: output alone may go to a file. */
const TERMINALS: readonly number[] = [0, 1, 2].filter((fd) => isatty(fd));

export function isOnTerminal(): boolean {
  return TERMINALS.length > 0;
}

/** Once it is gone, Node aborts in its own exit, because it cannot bring the terminal's modes back. */
export function hasLostTerminal(): boolean {
  return TERMINALS.some((fd) => !isatty(fd));
}
