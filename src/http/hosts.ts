/**
 * Whether a URL parser accepts a host. Some hosts are valid by RFC 3986, and a URL parser still rejects them: `256.1.1.1`,
 * `xn--`, `a%00`, `[:::]`.
 *
 * Law: pure, with a cache of bounded size. The shim checks the syntax of every host. The parser checks a host here only if
 * the host has an unusual form, so most requests skip this check.
 */

/** Hosts in the cache. */
const MOST = 256;
/** Characters: four times the longest DNS name. */
const LONGEST = 1024;

export class Hosts {
  readonly #known: Map<string, boolean> = new Map();

  /** @param host Latin-1, with its port, in valid syntax */
  takes(host: string): boolean {
    // The time that a URL parser needs for an internationalized name grows faster than the name.
    if (host.length > LONGEST) return false;
    const known = this.#known.get(host);
    if (known !== undefined) return known;
    const takes = URL.canParse(`http://${host}/`);
    // Clients choose hosts: invented hosts must not keep real hosts out of the cache.
    if (this.#known.size >= MOST) this.#known.clear();
    this.#known.set(host, takes);
    return takes;
  }
}
