/**
 * Detects a time zone that an application sets with `process.env.TZ`.
 *
 * Law: compares, and makes a text; only for threads of the server. In a worker thread `process.env` is a copy. Node reads a
 * change of the time zone only in the main thread, so the change has no effect here.
 */
export class TimeZone {
  readonly #before: string | undefined = process.env.TZ;

  /**
   * Returns what to do about it. Returns undefined if the application has set no zone, or has set the zone that is in effect.
   */
  problem(): string | undefined {
    const { TZ: zone } = process.env;
    if (zone === this.#before || zone === undefined) return undefined;
    if (zone === Intl.DateTimeFormat().resolvedOptions().timeZone) return undefined;
    return `The application sets process.env.TZ to ${JSON.stringify(zone)}, which has no effect in a worker thread. Start the server with TZ=${zone} in its environment, or in a file that --env-file names.`;
  }
}
