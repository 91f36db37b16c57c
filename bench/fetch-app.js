/**
 * A fetch handler that runs unchanged on every server of fetch handlers.
 */
export default {
  fetch: () => new Response('Hello, World!\n', { headers: { 'content-type': 'text/plain; charset=utf-8' } }),
};
