/**
 * A time zone that an application sets by `process.env.TZ`.
 *
 * Law: compares and puts into words; for threads of our own only. In a worker thread `process.env` is a copy, and Node
 * looks at a change of the time zone in the main thread alone, so the change has no effect here.
 */
export class TimeZone {
  readonly #before: string | undefined = process.env.TZ;

  /** What to do about it; undefined if the application has set none, or the one that is in effect. */
  problem(): string | undefined {
    const { TZ: zone } = process.env;
    if (zone === this.#before || zone === undefined) return undefined;
    if (zone === Intl.DateTimeFormat().resolvedOptions().timeZone) return undefined;
    return `The application sets process.env.TZ to ${JSON.stringify(zone)}, which has no effect in a worker thread. Start the server with TZ=${zone} in its environment, or in a file that --env-file names.`;
  }
}
