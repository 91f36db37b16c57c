/**
 * docs/reference/errors.md, made from the table in `src/errors.ts`. What each code means for a reader stands here.
 */
import { ERRORS } from '../../dist/errors.js';

const CLASSES = { option: 'OptionError', application: 'ApplicationError' };

/** For each code: what leads to the error, and what to do. */
const HELP = {
  TSGI_ERR_OPTION: [
    'An option, a flag, an environment variable or an argument of a method has a wrong name or a wrong value.',
    'Correct the value that the message names. [Options](options.md) lists all names, units and defaults.',
  ],
  TSGI_ERR_APP_NOT_FOUND: [
    'The file of the application, or a module of `--import`, does not exist or cannot be an application.',
    'Correct the path. A relative path starts at the working directory.',
  ],
  TSGI_ERR_APP_SYNTAX: [
    'A source file, or the `tsconfig.json` beside it, cannot be compiled.',
    'Correct the line that the message names.',
  ],
  TSGI_ERR_CACHE: [
    'No folder for compiled files is usable. A folder is usable if only this user can write it.',
    'Give a folder with `--cache-dir`, or [build ahead of time](../guide/typescript.md#ahead-of-time).',
  ],
  TSGI_ERR_BUILD: [
    'A build cannot be written, is damaged, or belongs to other sources or to another version of Node.js or of this package.',
    'Run `tsgi-threads build` again.',
  ],
  TSGI_ERR_APP_LOAD: [
    'The application, or a module of `--import`, threw while it loaded, or its worker ended before it was ready.',
    'Correct the error that the message names. The stack names the source.',
  ],
  TSGI_ERR_APP_EXPORT: [
    'The file exports nothing that the server can call.',
    'Export an application, name the export (`app.ts:name`), or choose `--interface`. [Frameworks](../guide/frameworks.md) lists the forms.',
  ],
  TSGI_ERR_APP_LISTEN: [
    'The program listens in a way that the server does not serve, such as `node:https`, or it calls `cluster.fork()`.',
    'Do what the message names. A proxy can speak TLS and HTTP/2 in front of the server.',
  ],
  TSGI_ERR_APP_INTERFACE: [
    'The first call showed that the function expects other arguments than the server gave it.',
    'Start the server with `--interface` and the value that the message names.',
  ],
  TSGI_ERR_BOOT_TIMEOUT: [
    'The application did not load within `--boot-timeout`.',
    'Find what it waits for, or raise the limit.',
  ],
  TSGI_ERR_LISTEN: [
    'The operating system refused the address: the port is in use, needs privileges, or the host is not local.',
    "Stop the other server, or choose another `--port` or `--host`. The `cause` is Node's error.",
  ],
  TSGI_ERR_STATE: [
    'A method was called at the wrong time, for example `listen` twice or `reload` after `close`.',
    'Call it in the state that the message names.',
  ],
  TSGI_ERR_MEMORY: [
    'A native module or the application wrote over memory that the threads share. The server cannot go on.',
    'On the command line, the supervisor replaces the process. In a program, replace the process when the server emits `error`.',
  ],
  TSGI_ERR_ZOMBIES: [
    'More than `--max-zombies` killed threads are stuck in native calls.',
    'On the command line, the supervisor replaces the process. In a program, replace the process when the server emits `error`.',
  ],
};

/** Errors that an application meets while it handles a request; `tsgi-threads/tsgi` exports their classes. */
const TSGI_HELP = {
  TSGI_ERR_RULE: [
    '`TsgiRuleError`',
    'The application broke a rule of TSGI. The property `rule` is its number.',
    'Read the rule in [the specification](tsgi.md), and correct the application.',
  ],
  TSGI_ERR_NO_BLOCKING: [
    '`NoBlockingError`',
    'A synchronous read would wait on the thread that also receives the bytes.',
    'Use `await input.read()` if `tsgi.blocking_input` is false.',
  ],
  TSGI_ERR_CLIENT_GONE: [
    '`ClientGoneError`',
    'The client closed its connection. It is the reason of `tsgi.signal`, and reads of an unfinished body reject with it.',
    'Stop the work for this request.',
  ],
  TSGI_ERR_DEADLINE: [
    '`DeadlineError`',
    'The deadline passed, and the client received 504. It is a reason of `tsgi.signal`.',
    'Stop the work for this request. See [timeouts](../guide/timeouts-and-crashes.md).',
  ],
};

export function errorsPage() {
  return `# Error codes

\`npm run docs\` makes this page from the table in \`src/errors.ts\`.

Each error has a property \`code\`. A code keeps its meaning in all versions; the text of a message may change.

## Errors of the server

\`tsgi-threads\` exports the classes. \`OptionError\` and \`ApplicationError\` extend \`TsgiError\`. The property \`status\` is the status
that the client receives, or 0 if no client is involved.

${Object.entries(ERRORS).map(serverError).join('\n\n')}

## Errors of TSGI

\`tsgi-threads/tsgi\` exports the classes.

${Object.entries(TSGI_HELP).map(tsgiError).join('\n\n')}
`;
}

function serverError([code, { fault, status, message }]) {
  if (!Object.hasOwn(HELP, code)) throw new Error(`Explain ${code} in scripts/pages/errors.js`);
  const answered = status === 0 ? '' : ` The client receives ${status}.`;
  return entry(code, `\`${CLASSES[fault]}\`: ${message}.${answered}`, HELP[code]);
}

function tsgiError([code, [type, ...help]]) {
  return entry(code, `${type}.`, help);
}

function entry(code, first, [cause, remedy]) {
  return `### ${code}\n\n${first}\n\n- Cause: ${cause}\n- Remedy: ${remedy}`;
}
