/**
 * The door of `tsgi-threads/tsgi/conformance`: checks whether a server keeps the rules of TSGI.
 *
 *   serve `probe` with the server to check, then: formatReport(await checkServer('http://127.0.0.1:8000'))
 *
 * Law: the probe runs in the server's application, and the checks run in the client. They communicate only over the network.
 */
/// <reference types="node" preserve="true" />
import { mount } from '../mount.ts';
import { RULES, type Rule } from '../rules.ts';
import type { Application } from '../types.ts';
import { type Check, Kit, note, notes } from './checker.ts';
import { ENVIRON_CHECKS } from './environ-checks.ts';
import { CALLING_CHECKS } from './calling-checks.ts';
import { FRAMING_CHECKS } from './framing-checks.ts';
import { SENDING_CHECKS } from './sending-checks.ts';
import { STREAM_CHECKS } from './stream-checks.ts';

const CHECKS: readonly Check[] = [
  ...ENVIRON_CHECKS,
  ...STREAM_CHECKS,
  ...CALLING_CHECKS,
  ...SENDING_CHECKS,
  ...FRAMING_CHECKS,
];

const application = (rule: string): Application =>
  rule === 'notes' ? notes : CHECKS.find((check) => check.rule === rule)!.application;
const names = ['notes', ...CHECKS.map((check) => check.rule)];

const halves = mount(Object.fromEntries(names.map((name) => [`/${name}`, application(name)])));

/** The application to serve: `export default probe` from a file, or pass it to the server. */
export const probe: Application = (...args) => {
  const [environ, startResponse] = args;
  // Only this function can see the number of arguments: it passes two to the applications below.
  const count: number = args.length;
  if (count !== 2 && environ.PATH_INFO === '/S19') note(environ, `called with ${count}`);
  return halves(environ, startResponse);
};
export default probe;

export interface Finding {
  readonly rule: Rule;
  /** The rule's short text. */
  readonly title: string;
  readonly result: 'kept' | 'broken' | 'skipped';
  /** What is wrong, or why the check was skipped; '' otherwise. */
  readonly detail: string;
}

export interface CheckOptions {
  /** Default: every rule for servers. */
  readonly rules?: readonly Rule[];
  /** Milliseconds that a check waits for something that must happen. Default: 5000. */
  readonly timeout?: number;
}

/**
 * Checks a server that runs `probe`, rule by rule. Call it from another thread or process than the server's, because some
 * checks keep the server busy.
 *
 * @param url where the probe is mounted
 * @throws (rejects) if no server listens there, or if it does not serve the probe
 */
export async function checkServer(url: string | URL, options: CheckOptions = {}): Promise<Finding[]> {
  const { rules, timeout = 5000 } = options;
  const base = new URL(url);
  if (base.protocol !== 'http:') throw new TypeError(`The kit speaks http: only: ${base.href}`);
  const findings: Finding[] = [];
  for (const check of CHECKS) {
    if (rules === undefined || rules.includes(check.rule)) findings.push(await run(check, base, timeout));
  }
  return findings;
}

async function run({ rule, client }: Check, url: URL, timeout: number): Promise<Finding> {
  const kit = new Kit(url, rule, timeout);
  const title = RULES[rule];
  try {
    const reason = await client(kit);
    return {
      rule,
      title,
      result: typeof reason === 'string' ? 'skipped' : 'kept',
      detail: typeof reason === 'string' ? reason : '',
    };
  } catch (error) {
    if ((error as { code?: string }).code === 'ECONNREFUSED') throw error;
    return { rule, title, result: 'broken', detail: error instanceof Error ? error.message : String(error) };
  } finally {
    kit.close();
  }
}

/** A table of the findings. The last line counts them. */
export function formatReport(findings: readonly Finding[]): string {
  const lines = findings.map(({ rule, title, result, detail }) => {
    const more = detail === '' ? '' : `\n            ${detail}`;
    return `${rule.padEnd(4)} ${result.padEnd(7)} ${title}${more}`;
  });
  const count = (result: Finding['result']) => findings.filter((finding) => finding.result === result).length;
  return [...lines, `${count('kept')} kept, ${count('broken')} broken, ${count('skipped')} skipped`].join(
    '\n',
  );
}
