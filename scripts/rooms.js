/**
 * The rooms of `src/`: what lives in each, and what each may import. `test/layers.test.ts` enforces this table, and
 * `npm run docs` writes it into the architecture page.
 *
 * `imports` lists other rooms and packages, besides Node's own modules. `typesOnly` lists what a room may import as types only.
 * A file directly in `src/` is a room of its own.
 */
export const ROOMS = {
  index: {
    holds: 'The door of the package: `createServer`, its types and its errors.',
    imports: ['errors', 'server'],
    typesOnly: ['hooks', 'units'],
  },
  channel: { holds: 'The door `tsgi-threads/channel`: messages between workers.', imports: [] },
  cli: {
    holds: 'The command line. The only room with `process.exit` and the console.',
    imports: [
      'compile',
      'error-text',
      'errors',
      'journal',
      'options',
      'output',
      'server',
      'signals',
      'supervisor',
      'version',
      'commander',
    ],
  },
  'node-http': {
    holds: 'The door `tsgi-threads/node`: `node:http` whose servers are ours, for test suites.',
    imports: ['errors', 'server', 'server-limits', 'stand-in'],
    typesOnly: ['acceptor'],
  },
  server: {
    holds: 'The life of a server: start, listen, reload, close; its options, log lines and reports.',
    imports: [
      'acceptor',
      'compile',
      'debugger',
      'errors',
      'options',
      'output',
      'pool',
      'version',
      'working-directory',
    ],
    typesOnly: ['journal', 'stand-in', 'tsgi'],
  },
  supervisor: {
    holds: 'The parent process: it owns the listening sockets and restarts the process that serves.',
    imports: ['debugger', 'journal', 'working-directory'],
  },
  pool: {
    holds: 'The workers’ threads, by piscina: spawn, replace, recycle, terminate.',
    imports: ['error-text', 'errors', 'ring', 'piscina'],
    typesOnly: ['hooks', 'server-limits', 'stand-in', 'worker'],
  },
  acceptor: {
    holds: 'The I/O thread: sockets, connections, exchanges, deadlines. The only room with `node:net`.',
    imports: ['http', 'ring'],
    typesOnly: ['journal'],
  },
  worker: {
    holds:
      'The application thread: it loads the application, calls it, and encodes its responses. It never sees a socket.',
    imports: [
      'error-text',
      'errors',
      'http',
      'output',
      'ring',
      'server-limits',
      'signals',
      'stand-in',
      'tsgi',
      'srvx/node',
    ],
    typesOnly: ['hooks'],
  },
  compile: {
    holds:
      'TypeScript to JavaScript: the import graph, the cache, and in `runtime/` what a worker installs to load the result.',
    imports: ['errors', 'version', 'es-module-lexer', 'get-tsconfig', 'import-meta-resolve'],
    typesOnly: ['esbuild'],
  },
  options: {
    holds: 'The table of options, and what is made of it: flags, variables, defaults, checks.',
    imports: ['errors', 'units'],
  },
  tsgi: {
    holds:
      'The standard TSGI 1.0: types, validator, adapters, conformance kit. It imports nothing of the server.',
    imports: [],
  },
  http: {
    holds: 'Pure HTTP: the parser over llhttp in WebAssembly, and the response encoder.',
    imports: ['errors'],
  },
  ring: {
    holds: 'Shared memory: the rings, the slab, the exchange table. The only room with `Atomics`.',
    imports: ['errors'],
  },
  hooks: {
    holds: 'Types of what an application may export besides its handler, and of its worker handle.',
    imports: [],
    typesOnly: ['tsgi'],
  },
  journal: { holds: 'The list of requests in flight, readable after the process died.', imports: ['ring'] },
  output: {
    holds: 'Writers for standard output and standard error that never block the process.',
    imports: ['ring'],
  },
  'server-limits': { holds: 'The timeouts and limits that a `node:http` server object sets.', imports: [] },
  'stand-in': { holds: 'A server of `node:http` that looks as if it listened.', imports: [] },
  debugger: { holds: 'Whether a debugger is attached.', imports: [] },
  errors: { holds: 'The error classes and the table of their codes.', imports: [] },
  'error-text': { holds: 'An error as bounded text for the log.', imports: [] },
  signals: { holds: 'The names of signals that programs may listen for.', imports: [] },
  units: { holds: 'Units of time and size.', imports: [] },
  version: { holds: 'The version of the package.', imports: [] },
  'working-directory': {
    holds: 'The working directory, entered again after a deploy has replaced it.',
    imports: [],
  },
};

/**
 * The folders of a room, from the lowest layer up.
 *
 * A file may import values from its own folder and from the folders before it in this list. It may import the room’s own
 * files if the list of its room names them before its folder. Types may come from anywhere in the room.
 */
export const FOLDERS = {
  acceptor: [
    ['limits.ts', 'What one connection may hold, and for how long.'],
    ['socket', 'Listeners, client sockets, and the response bytes that wait for the client.'],
    ['workers', 'The acceptor’s side of each worker: its rings, and which worker a request is for.'],
    ['exchange', 'One request and its response, from the parsed head to the last byte.'],
    ['turn', 'What one turn of the event loop does: read records, wake workers, check deadlines.'],
    ['connection', 'One client socket: parsing, the order of pipelined requests, timeouts.'],
  ],
  worker: [
    ['points.ts', 'Named points at which a test ends the thread.'],
    ['thread', 'Everything that patches globals of the thread.'],
    ['exchange', 'The loop, the rings’ worker side, and what all interfaces share.'],
    ['tsgi', 'TSGI applications.'],
    ['node', 'Node listeners and frameworks.'],
    ['fetch', 'Fetch handlers.'],
    ['load', 'Finding and loading the application.'],
  ],
};
