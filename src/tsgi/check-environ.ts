/**
 * The rules about environ that can be checked on one environ.
 *
 * Law: checks values, changes nothing. The validator and the conformance kit both use these checks.
 */
import { show, TsgiRuleError } from './rule-errors.ts';
import { isWithheld } from './hop-by-hop.ts';
import type { Rule } from './rules.ts';
import type { Environ } from './types.ts';

const REQUIRED = [
  'REQUEST_METHOD',
  'SCRIPT_NAME',
  'PATH_INFO',
  'QUERY_STRING',
  'CONTENT_TYPE',
  'CONTENT_LENGTH',
  'SERVER_NAME',
  'SERVER_PORT',
  'SERVER_PROTOCOL',
  'SERVER_SOFTWARE',
  'REMOTE_ADDR',
  'REMOTE_PORT',
  'REQUEST_URI',
] as const;
const NEVER_EMPTY = ['REQUEST_METHOD', 'SERVER_NAME', 'SERVER_PORT', 'REQUEST_URI'] as const;
const BOOLEANS = [
  'tsgi.multithread',
  'tsgi.multiprocess',
  'tsgi.run_once',
  'tsgi.concurrent',
  'tsgi.blocking_input',
] as const;
const TSGI_KEYS: ReadonlySet<string> = new Set([
  ...BOOLEANS,
  'tsgi.version',
  'tsgi.url_scheme',
  'tsgi.input',
  'tsgi.errors',
  'tsgi.signal',
  'tsgi.deadline',
  'tsgi.request_id',
  'tsgi.file_wrapper',
]);
const INPUT = ['read', 'readline', 'readlines', 'readSync', 'readlineSync', 'readlinesSync'];
const ERRORS = ['write', 'writelines', 'flush'];

/** The header field of an `HTTP_…` key, in lower case. */
export function fieldName(key: string): string {
  return key.slice('HTTP_'.length).replaceAll('_', '-').toLowerCase();
}

/** Names of the keys that belong to TSGI. */
export function reservedKeys(environ: Environ): Set<string> {
  return new Set(Object.keys(environ).filter((key) => key.startsWith('tsgi.')));
}

/** @throws TsgiRuleError for the first rule that does not hold */
export function checkEnviron(environ: Environ): void {
  checkObject(environ);
  for (const key of REQUIRED) require('S2', typeof environ[key] === 'string', key, environ[key]);
  for (const key of NEVER_EMPTY) require('S2', environ[key] !== '', key, environ[key]);
  require('S3', /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(
    environ.REQUEST_METHOD,
  ), 'REQUEST_METHOD', environ.REQUEST_METHOD);
  checkPath(environ);
  require('S7', !('HTTP_CONTENT_TYPE' in environ), 'HTTP_CONTENT_TYPE', 'is there');
  require('S7', !('HTTP_CONTENT_LENGTH' in environ), 'HTTP_CONTENT_LENGTH', 'is there');
  require('S7', /^\d*$/.test(environ.CONTENT_LENGTH), 'CONTENT_LENGTH', environ.CONTENT_LENGTH);
  require('S8', /^HTTP\/\d(\.\d)?$/.test(
    environ.SERVER_PROTOCOL,
  ), 'SERVER_PROTOCOL', environ.SERVER_PROTOCOL);
  for (const key of Object.keys(environ)) checkKey(environ, key);
  checkTsgiKeys(environ);
}

const VARIABLE = /^[A-Z][A-Z0-9_]*$/;
const LATIN_1 = /^[\0-\xff]*$/;

function checkKey(environ: Environ, key: string): void {
  // Reading the signal would make it.
  if (key === 'tsgi.signal') return;
  const value: unknown = environ[key as keyof Environ];
  if (key.startsWith('HTTP_')) {
    require('S9', !/[a-z-]/.test(key), key, 'is there');
    require('S9', typeof value === 'string' && LATIN_1.test(value), key, value);
    require('S10', !isWithheld(fieldName(key)), key, 'is there');
  } else if (VARIABLE.test(key)) require('S2', typeof value === 'string', key, value);
  else if (key.startsWith('tsgi.')) require('S11', TSGI_KEYS.has(key), key, 'is none of TSGI');
  else require('S11', key.indexOf('.') > 0, key, 'has no prefix');
}

function checkObject(environ: Environ): void {
  require('S1', typeof environ === 'object' && environ !== null, 'environ', environ);
  const prototype = Object.getPrototypeOf(environ) as unknown;
  require('S1', prototype === Object.prototype || prototype === null, 'environ', environ);
  require('S1', Object.isExtensible(environ), 'environ', 'is not extensible');
  for (const [key, property] of Object.entries(Object.getOwnPropertyDescriptors(environ))) {
    const changes =
      property.configurable === true && (property.writable === true || property.set !== undefined);
    require('S1', changes && property.enumerable === true, key, 'cannot be changed');
    require('S1', property.get === undefined || key === 'tsgi.signal', key, 'is an accessor');
  }
}

function checkPath({ SCRIPT_NAME, PATH_INFO, QUERY_STRING, REQUEST_METHOD }: Environ): void {
  // After middleware has moved the empty end of '/x/', SCRIPT_NAME ends with '/', and PATH_INFO is empty (M6).
  const isMount = !SCRIPT_NAME.endsWith('/') || PATH_INFO === '';
  require('S4', isMount && /^(?:\/|$)/.test(SCRIPT_NAME), 'SCRIPT_NAME', SCRIPT_NAME);
  const isPath = PATH_INFO === '' || PATH_INFO.startsWith('/');
  require('S4', isPath &&
    (PATH_INFO !== '' || SCRIPT_NAME !== '' || REQUEST_METHOD === 'OPTIONS'), 'PATH_INFO', PATH_INFO);
  require('S5', !QUERY_STRING.startsWith('?'), 'QUERY_STRING', QUERY_STRING);
}

/** @throws TsgiRuleError for the first key of TSGI that is missing or has a wrong value */
export function checkTsgiKeys(environ: Environ): void {
  const version: unknown = environ['tsgi.version'];
  require('S11', Array.isArray(version) && version[0] === 1 && version[1] === 0, 'tsgi.version', version);
  const scheme = environ['tsgi.url_scheme'];
  require('S11', scheme === 'http' || scheme === 'https', 'tsgi.url_scheme', scheme);
  for (const key of BOOLEANS) require('S11', typeof environ[key] === 'boolean', key, environ[key]);
  const id = environ['tsgi.request_id'];
  require('S11', typeof id === 'string' && id !== '', 'tsgi.request_id', id);
  const deadline = environ['tsgi.deadline'];
  require('S11', 'tsgi.deadline' in environ, 'tsgi.deadline', 'is not there');
  require('S11', deadline === undefined || Number.isFinite(deadline), 'tsgi.deadline', deadline);
  require('S11', 'tsgi.signal' in environ, 'tsgi.signal', 'is not there');
  const signal = environ['tsgi.signal'];
  require('S12', signal instanceof AbortSignal, 'tsgi.signal', signal);
  require('S12', signal === environ['tsgi.signal'], 'tsgi.signal', 'is another when it is read again');
  requireMethods('S13', environ['tsgi.input'], 'tsgi.input', [...INPUT, Symbol.asyncIterator]);
  requireMethods('S18', environ['tsgi.errors'], 'tsgi.errors', ERRORS);
  const wrapper = environ['tsgi.file_wrapper'];
  require('S36', wrapper === undefined || typeof wrapper === 'function', 'tsgi.file_wrapper', wrapper);
}

function requireMethods(
  rule: Rule,
  value: unknown,
  name: string,
  methods: readonly (string | symbol)[],
): void {
  require(rule, typeof value === 'object' && value !== null, name, value);
  for (const method of methods) {
    const found = (value as Record<string | symbol, unknown>)[method];
    require(rule, typeof found === 'function', `${name}.${String(method)}`, found);
  }
}

function require(rule: Rule, holds: boolean, name: string, value: unknown): void {
  if (!holds) throw new TsgiRuleError(rule, `environ: ${name} is wrong: ${show(value)}`);
}
