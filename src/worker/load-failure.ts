/**
 * What is told of an application that did not load, with the remedy where the cause is a known one.
 *
 * Law: reads errors of Node and of add-ons by what they say; decides nothing.
 */
import type { FromWorker } from './messages.ts';

type Failure = Extract<FromWorker, { type: 'failed' }>;

/** What an error says → what to do. */
const REMEDIES: readonly (readonly [RegExp, string])[] = [
  [
    /did not self-register/i,
    'this native add-on does not load in a second thread of one process: update it to a version for worker threads (Node-API), or run the application in one thread with --threads 0',
  ],
  [
    /Cannot use import statement outside a module|Unexpected token 'export'/,
    'the file is read as CommonJS and is written as a module: name it .mjs, or set "type": "module" in its package.json',
  ],
  [
    /(?:require|module|exports|__filename|__dirname) is not defined in ES module scope/,
    'the file is read as a module and is written as CommonJS: name it .cjs, or take "type": "module" out of its package.json',
  ],
  [
    /ERR_REQUIRE_ESM|ERR_REQUIRE_ASYNC_MODULE|require\(\) of ES Module|require\(\) cannot be used on an ESM graph/,
    'a module cannot be loaded by require here: use import(), or write the file that requires it as a module',
  ],
];

export function loadFailure(error: unknown): Failure {
  const isError = error instanceof Error;
  const code = isError && 'code' in error ? String(error.code) : '';
  const said = isError ? error.message : String(error);
  const remedy = REMEDIES.find(([pattern]) => pattern.test(said) || pattern.test(code))?.[1];
  const message = remedy === undefined ? said : `${said}; ${remedy}`;
  return { type: 'failed', code, message, stack: isError ? (error.stack ?? said) : said };
}
