/**
 * The questions of `npm run bench`, as docs/internals/performance.md shows them: the text, and the goal ('' if there is none).
 *
 * Law: data only, because the documents are made from it without a run. `run.js` has the code behind each name.
 */
export const QUESTIONS = {
  parser: ['Parse a head of 327 bytes with 7 fields', '400 ns, 1 byte of heap'],
  ring: ['Pass 512-byte records between two threads', '20× MessagePort, 40× `piscina.run`'],
  environ: ['Make an environ with 12 fields', '1× `new Headers()`'],
  machine: ['Call a TSGI application with one chunk and 2 headers, in addition to its own work', '0.5 µs'],
  hello: ['Hello, 64 connections, one worker, beside node:http', '1.3× the requests, 0.9× the CPU'],
  hello2: ['The same, two workers', ''],
  fetch: ['Fetch hello, one worker, beside srvx on node:http', '1×'],
  express: ['Express hello, one worker, beside node:http', '1.1×'],
  fastify: ['Fastify hello, one worker, beside node:http', '0.9×'],
  render: ['A React table that takes 5 ms, two workers, beside node:http in one process', '1.9×'],
  saturated: ['5 ms of CPU for each request, one worker, saturated: time inside the application', '97 %'],
  spread: ['40 requests of 5 ms waiting and 20 ms CPU, two workers, beside the ideal time', '1.2×'],
  beside: ['p99 of cheap requests beside slow ones, two workers, beside node:cluster', '10× lower'],
  overload: ['Ten times the load that one worker can answer', '95 % of the peak answered, 503 within 5 ms'],
  supervised: ['The journal of a supervised server', ''],
  replaced: ['A worker that exits; a process that dies', '500 ms; 1 s'],
  sockets: ['WebSocket echo, 64 connections, one worker, beside ws on node:http', '0.7×'],
  sockets2: ['The same, two workers', '1.2×'],
};
