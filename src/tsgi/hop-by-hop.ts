/**
 * Header fields about the connection, which belongs to the server (RFC 9110 §7.6.1).
 *
 * Law: one list, for requests and responses alike.
 */
const HOP_BY_HOP = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'trailers',
  'transfer-encoding',
  'upgrade',
]);

/** The length alone excludes most names. */
const LENGTHS = new Set([...HOP_BY_HOP].map(({ length }) => length));

/** Accepts any case of letters. */
export function isHopByHop(name: string): boolean {
  return LENGTHS.has(name.length) && HOP_BY_HOP.has(name.toLowerCase());
}

/**
 * True if a request's field has no place in environ: hop-by-hop, or Proxy, which would become a known CGI variable (httpoxy).
 */
export function isWithheld(name: string): boolean {
  return isHopByHop(name) || name.toLowerCase() === 'proxy';
}
