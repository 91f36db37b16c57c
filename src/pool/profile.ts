/**
 * In which functions a thread burns CPU, observed from another thread.
 *
 * Law: best effort, bounded in time. The result is empty if Node cannot profile the thread: Node 20, early versions of 22 and
 * 24, or a thread in native code. Positions refer to the sources if the compiled file has a source map.
 *
 * Time in a function that was compiled before the profile began may count for its caller, because V8 then does not know its
 * name. That happens mainly to a function with a long loop.
 */
import { readFileSync } from 'node:fs';
import { SourceMap, type SourceMapPayload } from 'node:module';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Worker } from 'node:worker_threads';

/** `WATCH_MS`: how long the thread is observed. `MOST_MS`: the limit for the whole profile. Both in ms. */
const WATCH_MS = 100;
const MOST_MS = 500;
const FUNCTIONS = 3;
let profiles = 0;
/** The folder of the server's own code. */
const SERVER_URL = new URL('..', import.meta.url).href;

interface CpuProfileHandle {
  stop(): Promise<string>;
}

/** Node ≥ 24.8, and late versions of Node 22. */
type ProfiledWorker = Worker & { startCpuProfile?: (name?: string) => Promise<CpuProfileHandle> };

interface ProfileNode {
  readonly id: number;
  readonly hitCount: number;
  readonly children?: readonly number[];
  readonly callFrame: { functionName: string; url: string; lineNumber: number; columnNumber: number };
  readonly positionTicks?: readonly { line: number; ticks: number }[];
}

/** The functions that burn the most CPU, in descending order: `render (/app/page.ts:12) 96 %`. */
export async function busiestFunctions(thread: Worker | undefined): Promise<string[]> {
  const profiled = thread as ProfiledWorker | undefined;
  if (typeof profiled?.startCpuProfile !== 'function') return [];
  const late = wait(MOST_MS, undefined, { ref: false });
  try {
    const text = await Promise.race([profile(profiled), late]);
    return text === undefined ? [] : summarize((JSON.parse(text) as { nodes: ProfileNode[] }).nodes);
  } catch {
    return [];
  }
}

async function profile(thread: ProfiledWorker): Promise<string | undefined> {
  const handle = await start(thread);
  await wait(WATCH_MS);
  return handle?.stop();
}

function start(thread: ProfiledWorker): Promise<CpuProfileHandle> | undefined {
  try {
    return thread.startCpuProfile?.();
  } catch {
    // Node 22 requires a name, unique for each running profile. Node 26 does not accept one.
    profiles += 1;
    return thread.startCpuProfile?.(`tsgi-threads ${profiles}`);
  }
}

/** Adds up the time for each function. Time in Node's own functions counts for their callers. */
function summarize(nodes: readonly ProfileNode[]): string[] {
  const parents = new Map<number, ProfileNode>();
  for (const node of nodes) for (const child of node.children ?? []) parents.set(child, node);
  const hits = new Map<string, number>();
  let all = 0;
  for (const node of nodes) {
    if (node.hitCount === 0 || node.callFrame.functionName === '(idle)') continue;
    all += node.hitCount;
    const place = describe(nearestOwn(node, parents) ?? node);
    hits.set(place, (hits.get(place) ?? 0) + node.hitCount);
  }
  const most = [...hits].sort(([, a], [, b]) => b - a).slice(0, FUNCTIONS);
  return most.map(([place, count]) => `${place} ${Math.round((100 * count) / all)} %`);
}

function nearestOwn(node: ProfileNode, parents: Map<number, ProfileNode>): ProfileNode | undefined {
  let own: ProfileNode | undefined = node;
  while (own !== undefined && !own.callFrame.url.startsWith('file:')) own = parents.get(own.id);
  return own;
}

function describe(node: ProfileNode): string {
  const { functionName, url, lineNumber, columnNumber } = node.callFrame;
  if (url.startsWith(SERVER_URL)) return 'the handler itself';
  const name = functionName === '' ? '(anonymous)' : functionName;
  if (!url.startsWith('file:')) return name;
  const busiest = [...(node.positionTicks ?? [])].sort((a, b) => b.ticks - a.ticks)[0];
  const line = busiest === undefined ? lineNumber : busiest.line - 1;
  return `${name} (${sourceOf(fileURLToPath(url), line, busiest === undefined ? columnNumber : 0)})`;
}

function sourceOf(file: string, line: number, column: number): string {
  try {
    const map = new SourceMap(JSON.parse(readFileSync(`${file}.map`, 'utf8')) as SourceMapPayload);
    const entry = map.findEntry(line, column);
    if ('originalSource' in entry) {
      const source = entry.originalSource.startsWith('file:')
        ? fileURLToPath(entry.originalSource)
        : path.resolve(path.dirname(file), entry.originalSource);
      return `${source}:${entry.originalLine + 1}`;
    }
  } catch {
    // There is no source map. The file is not a result of this server's compiler, so its own line is right.
  }
  return `${file}:${line + 1}`;
}
