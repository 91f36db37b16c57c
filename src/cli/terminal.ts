/**
 * The terminal on which a command was started, if there is one.
 *
 * Law: reports whether there was a terminal and whether it is gone. The caller decides what follows.
 */
import { isatty } from 'node:tty';

/** Standard streams that were terminals at the start. One may be enough, because the output may go to a file. */
const TERMINALS: readonly number[] = [0, 1, 2].filter((fd) => isatty(fd));

export function isOnTerminal(): boolean {
  return TERMINALS.length > 0;
}

/** After the terminal is gone, Node aborts in its own exit, because it cannot restore the terminal's modes. */
export function hasLostTerminal(): boolean {
  return TERMINALS.some((fd) => !isatty(fd));
}
