/**
 * A fetch handler, as any server of them takes it.
 */
export default {
  fetch: () => new Response('Hello, World!\n', { headers: { 'content-type': 'text/plain; charset=utf-8' } }),
};
