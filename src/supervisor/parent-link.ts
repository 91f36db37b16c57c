/**
 * The end of a supervised process: what its parent tells it, and what it tells its parent.
 *
 * Law: speaks, decides nothing. A parent that has died is as good as one that says "close".
 */
import { type FromSupervisor, SUPERVISED, type ToSupervisor } from './messages.ts';

export interface ParentLinkOwner {
  parentOnClose(): void;
  parentOnEnd(code: number): void;
  parentOnReload(): void;
  /** It has died. */
  parentOnGone(): void;
}

export class ParentLink {
  /** The link of this process, null when nobody supervises it. */
  static open(): ParentLink | null {
    if (process.env[SUPERVISED] === undefined || process.send === undefined) return null;
    Reflect.deleteProperty(process.env, SUPERVISED);
    return new ParentLink();
  }

  listen(owner: ParentLinkOwner): void {
    process.on('message', (message: FromSupervisor) => {
      if (message.type === 'close') owner.parentOnClose();
      else if (message.type === 'end') owner.parentOnEnd(message.code);
      else owner.parentOnReload();
    });
    process.once('disconnect', () => owner.parentOnGone());
    if (!process.connected) owner.parentOnGone();
  }

  /** Resolves when the parent has it, or is gone. */
  say(message: ToSupervisor): Promise<void> {
    return new Promise((resolve) => {
      if (!process.connected) return resolve();
      process.send?.(message, undefined, undefined, () => resolve());
    });
  }
}
