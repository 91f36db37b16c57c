/**
 * Header fields that speak of the connection, which is the server's (RFC 9110 §7.6.1).
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

/** Most names are told by their length alone. */
const LENGTHS = new Set([...HOP_BY_HOP].map(({ length }) => length));

/** In any case of letters. */
export function isHopByHop(name: string): boolean {
  return LENGTHS.has(name.length) && HOP_BY_HOP.has(name.toLowerCase());
}

/** Whether a request's field has no place in environ: hop-by-hop, or Proxy, which would pass for a CGI variable (httpoxy). */
export function isWithheld(name: string): boolean {
  return isHopByHop(name) || name.toLowerCase() === 'proxy';
}
