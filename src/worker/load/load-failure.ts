/**
 * Describes an application that did not load, with a remedy if the cause is a known one.
 *
 * Law: reads the messages of errors from Node and from add-ons, and the source maps beside compiled files; decides nothing.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { errorText } from '../../error-text.ts';
import { OptionError } from '../../errors.ts';
import { kindRemedy } from './file-kinds.ts';
import type { FromWorker, WorkerTask } from '../pool-messages.ts';

type Failure = Extract<FromWorker, { type: 'failed' }>;

/** Pattern of an error's text or code → what to do. */
const REMEDIES: readonly (readonly [RegExp, string])[] = [
  [/^Cannot find (?:package|module) '(?![./\\]|[A-Z]:)/, 'install it, or correct its name'],
  [
    /did not self-register/i,
    'this native add-on does not load in a second thread of one process. Update it to a version for worker threads (Node-API), or run the application in one thread with --threads 0',
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

/** The lines that require adds: the file that called it, and the files that required that one. */
const REQUIRE_STACK = /\nRequire stack:\n- ([^\n]+)(?:\n- [^\n]+)*/;
/** A compiled file, as `compile/emit.ts` names it: with its whole path, and as the files of one build name each other. */
const COMPILED = /(?:file:\/\/)?[^\s'"]+[/\\][0-9a-f]{16}[/\\][\w-]+-[0-9a-f]{8}\.[mc]js/g;
const BESIDE = /(?<=')(?:\.\/)+[\w-]+-[0-9a-f]{8}\.[mc]js(?=')/g;
/** The file that Node could not read, on the first line of the stack of a SyntaxError. */
const UNREAD = /^((?:\/|file:|[A-Z]:)[^\n]*):(\d+)\n/;
/** Linking errors, whose message names the module. */
const NAMES_MODULE = /requested module/;
const UNKNOWN_KIND = /^Unknown file extension "[^"]*" for (.*)$/;

/**
 * @param url URL of the application's module
 * @param assets imported files that Node cannot load
 */
export function loadFailure(error: unknown, url: string, assets: WorkerTask['assets']): Failure {
  const isError = error instanceof Error;
  const code = isError && 'code' in error ? String(error.code) : '';
  const unread = unreadFile(error, assets);
  const text = unread ?? messageOf(error);
  const said = text
    .replace(COMPILED, (file) => sourceOf(file, url) ?? file)
    .replace(BESIDE, (name) => {
      const source = sourceOf(name, url);
      return source === undefined ? name : `./${path.basename(source)}`;
    });
  const remedy = REMEDIES.find(([pattern]) => pattern.test(said) || pattern.test(code))?.[1];
  const message = remedy === undefined ? said : `${said}; ${remedy}`;
  // An OptionError has the text of its cause already. If the cause is known, the remedy is enough.
  const isKnown = unread !== undefined || remedy !== undefined || error instanceof OptionError;
  const stack = isKnown && isError ? error.stack : errorText(error);
  return { type: 'failed', code, message, stack: isError ? (stack ?? said) : said };
}

function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return typeof error === 'object' ? errorText(error) : String(error);
  // The message of an AggregateError may be empty.
  return error.message === '' ? error.name : error.message.replace(REQUIRE_STACK, ', required by $1');
}

/** Describes a file that is not code, or whose error names no file. */
function unreadFile(error: unknown, assets: WorkerTask['assets']): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const [, unknown] = UNKNOWN_KIND.exec(error.message) ?? [];
  const [, place, line] = error instanceof SyntaxError ? (UNREAD.exec(error.stack ?? '') ?? []) : [];
  const named = unknown ?? place;
  if (named === undefined || NAMES_MODULE.test(error.message)) return undefined;
  const file = named.startsWith('file:') ? fileURLToPath(named) : named;
  const remedy = kindRemedy(file);
  const importer = assets.find((asset) => asset.file === file)?.importer;
  const by = importer === undefined ? '' : `, which ${importer} imports`;
  if (remedy !== undefined) return `Cannot load ${file}${by}. ${remedy}`;
  return `${file}:${line}: ${error.message}`;
}

/** Returns the user's file from which a file was compiled. */
function sourceOf(compiled: string, url: string): string | undefined {
  try {
    const file = path.isAbsolute(compiled) ? compiled : fileURLToPath(new URL(compiled, url));
    const { sources } = JSON.parse(readFileSync(`${file}.map`, 'utf8')) as { sources: string[] };
    return fileURLToPath(new URL(sources[0]!, pathToFileURL(file)));
  } catch {
    return undefined;
  }
}
