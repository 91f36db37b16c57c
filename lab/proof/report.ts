/**
 * The report on the rings, as a section of Markdown.
 *
 * Law: words and tables; every figure comes from a run.
 */
import { type Check, LONG, SHORT, WALKS } from './checks.ts';
import { type Code, loadCode } from './bundle.ts';
import { type Caught, huntAll, type Passed, runChecks } from './prove.ts';
import { CLAIMS, runClaim, type SpinResult, whyNoSpin } from './spin.ts';

export interface ProofOptions {
  readonly root: string;
  readonly seed: number;
  readonly short: boolean;
  /** The limit of one check, and the time of one scenario's walks, ms. */
  readonly checkLimit: number;
  readonly walkLimit: number;
  tell(line: string): void;
}

export interface Proof {
  readonly ok: boolean;
  readonly markdown: string;
}

/** Runs everything and returns the report. */
export async function proveRings(options: ProofOptions): Promise<Proof> {
  const code = await loadCode(options.root);
  const tell = (passed: Passed) => options.tell(lineOf(passed));
  const checks = runChecks(code, options.short ? SHORT : LONG, options.checkLimit, tell);
  const walks = WALKS.map((check) => walkOf(code, check, options));
  const mutants = await huntAll(options.root, (caught) =>
    options.tell(`${caught.by === null ? 'SURVIVED' : 'caught  '} ${caught.mutant.name}`),
  );
  const why = options.short ? 'the short form leaves it out' : whyNoSpin();
  const spin = why === null ? CLAIMS.map((claim) => spun(claim, options)) : [];
  const ok =
    checks.every(({ result }) => result.problem === null && result.complete) &&
    walks.every(({ result }) => result.problem === null) &&
    mutants.every(({ by }) => by !== null) &&
    spin.every((result) => result.ok);
  const markdown = [head(options), checkTable(checks), walkTable(walks, options.seed), mutantTable(mutants)];
  return { ok, markdown: [...markdown, spinTable(spin, why)].join('\n') };
}

function walkOf(code: Code, check: Check, options: ProofOptions): Passed {
  const passed = { check, result: check.walk(code, options.walkLimit, options.seed) };
  const { problem, interleavings } = passed.result;
  const said = problem === null ? `${interleavings} schedules` : lineOf(passed);
  options.tell(`${problem === null ? 'walked  ' : 'FAILED  '} ${check.family}: ${check.name}: ${said}`);
  return passed;
}

function spun(claim: (typeof CLAIMS)[number], options: ProofOptions): SpinResult {
  const result = runClaim(`${options.root}/lab/proof`, claim);
  const what = [claim.formula ?? 'assertions', ...claim.defines].join(' ');
  options.tell(`${result.ok ? 'ok      ' : 'FAILED  '} spin ${claim.model} ${what}: ${result.said}`);
  return result;
}

function lineOf({ check, result }: Passed): string {
  const { problem, complete, states } = result;
  const state = problem !== null ? 'FAILED  ' : complete ? 'passed  ' : 'stopped ';
  const trace = problem === null ? '' : `\n  ${problem.trace.join('\n  ')}\n  ${problem.message}`;
  return `${state} ${check.family}: ${check.name}: ${states} states, ${seconds(result.milliseconds)} s${trace}`;
}

function seconds(milliseconds: number): string {
  return (milliseconds / 1000).toFixed(1);
}

function grouped(count: number): string {
  if (count < 1e12) return count.toLocaleString('en-US');
  const [digits, power] = count.toExponential(1).split('e+');
  return `${digits} · 10<sup>${power}</sup>`;
}

function table(titles: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(titles), line(titles.map(() => '---')), ...rows.map(line), ''].join('\n');
}

function head({ short }: ProofOptions): string {
  return `## The rings: every schedule within bounds

The laboratory runs the code of \`src/\` itself: the request ring, the exchange table, the byte ring, the doorbells, and the book of exchanges. For the
doorbells it also runs the whole acceptor (without sockets) and the workers' loops, links and responses.

Each access to shared memory is a point at which another thread may go on, or at which a thread may be killed. The machine runs the bodies of simulated threads
again against the answers that they had. It keeps visited states by a 64-bit hash.
${short ? '\nThis is the short form.\n' : ''}
The machine looks for these faults in every state:

- a request that runs twice or is answered twice;
- an entry that two threads claim;
- bytes that differ from the sent bytes;
- a refusal of an answer that was committed;
- a data race of a plain access.

It looks for these faults in every end, when no thread can go on:

- a request without an answer while a worker lives;
- an exchange index or a slab block that is not free.

An endless schedule is an error too, so every schedule within the bounds ends.

Exhaustive means all interleavings of the accesses to control words, and kills at every step, without any bound on steps. The numbers of requests, threads and kills are
stated. "n switches" bounds how often a thread is left in the middle of its turn. At the end of a turn, and for a kill, there is no bound. "Races" also switches at plain
accesses. A zombie is a worker that was retired and may end at any step, besides the counted kills. Positions start just before their sign turns.

A schedule counts once, however many loads a thread did between its last write and its kill, because no other thread can see those loads. Words that steer nothing here
are no points to switch at: a worker's epoch, held and cost words, credit, abort and extension. If there is no zombie, a live word is none either. \`lab/proof/\`
declares these words in one place for each scenario. The machine checks that a word declared to have one writer has one.

Not covered:

- sockets, the parser and applications;
- more than three workers;
- a generation that wraps (2<sup>20</sup> uses of an index);
- timeouts of \`Atomics.wait\`: a waiter here waits forever, which is stricter;
- an acceptor that dies, except in the middle of a record;
- the sequential consistency of Atomics over an Int32Array, which ECMAScript promises.
`;
}

function checkTable(checks: readonly Passed[]): string {
  const rows = checks.map(({ check, result }) => [
    check.family,
    check.name,
    result.problem !== null
      ? `**${result.problem.message}**`
      : result.complete
        ? 'holds'
        : 'holds, stopped by time',
    result.complete ? grouped(result.interleavings) : '',
    grouped(result.states),
    grouped(result.steps),
    grouped(result.kills),
    seconds(result.milliseconds),
  ]);
  const titles = ['code', 'bounds', 'result', 'interleavings', 'states', 'steps', 'kills', 'seconds'];
  return `### Explored\n\n${table(titles, rows)}`;
}

function walkTable(walks: readonly Passed[], seed: number): string {
  const rows = walks.map(({ check, result }) => [
    check.family,
    check.name,
    result.problem !== null ? `**${result.problem.message}**` : 'holds',
    grouped(result.interleavings),
    grouped(result.steps),
    grouped(result.kills),
    seconds(result.milliseconds),
  ]);
  const titles = ['code', 'bounds', 'result', 'schedules', 'steps', 'kills', 'seconds'];
  return `### Drawn by lot\n\nWider than can be explored; seed ${seed}.\n\n${table(titles, rows)}`;
}

function mutantTable(mutants: readonly Caught[]): string {
  const caught = mutants.filter(({ by }) => by !== null).length;
  const rows = mutants.map(({ mutant, by, milliseconds }) => [
    `${mutant.name} (\`${mutant.file}\`)`,
    by === null ? '**survived**' : by.message,
    by === null ? '' : String(by.steps),
    by === null ? '' : by.check,
    seconds(milliseconds),
  ]);
  const titles = ['mutant', 'seen as', 'steps', 'by', 'seconds'];
  return `### Mutants\n\n${caught} of ${mutants.length} wrong versions are caught.\n\n${table(titles, rows)}`;
}

function spinTable(results: readonly SpinResult[], why: string | null): string {
  if (why !== null) return `### SPIN\n\nSkipped: ${why}.\n`;
  const rows = results.map((result) => [
    `\`${result.model}.pml\``,
    [result.formula === null ? 'assertions' : `LTL ${result.formula}, weak fairness`, ...result.defines].join(
      ', ',
    ),
    result.ok ? (result.fails ? 'fails, as it must' : 'holds') : `**${result.said}**`,
    result.states,
    result.seconds.toFixed(1),
  ]);
  return `### SPIN\n\n${table(['model', 'claim', 'result', 'states', 'seconds'], rows)}`;
}
