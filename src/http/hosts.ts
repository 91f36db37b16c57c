/**
 * Hosts that are right by RFC 3986, and may still be none to a URL parser: `256.1.1.1`, `xn--`, `a%00`, `[:::]`.
 *
 * Law: pure; one question, with a memory of bounded size. The shim judges the form of every host, and asks here only for
 * those outside of the common form, so most requests never come here.
 */

/** Hosts that are remembered. */
const MOST = 256;
/** Four times as long as a name of the DNS can be. */
const LONGEST = 1024;

export class Hosts {
  readonly #known: Map<string, boolean> = new Map();

  /** @param host Latin-1, with its port; its form is right */
  takes(host: string): boolean {
    // What a URL parser does with an internationalized name grows faster than the name.
    if (host.length > LONGEST) return false;
    const known = this.#known.get(host);
    if (known !== undefined) return known;
    const takes = URL.canParse(`http://${host}/`);
    // Clients choose hosts: made-up ones must not keep the real ones out for ever.
    if (this.#known.size >= MOST) this.#known.clear();
    this.#known.set(host, takes);
    return takes;
  }
}
