/**
 * Finds faults of English in comments, strings, titles of tests and Markdown.
 *
 *     node scripts/prose.js [paths…]            every finding below these paths; without paths, in the whole tree
 *     node scripts/prose.js --count [paths…]    findings per folder
 *     node scripts/prose.js --check             findings in Markdown where the rules are on (scripts/prose/clean.js)
 *     node scripts/prose.js --commits RANGE     findings in the subjects of commits
 *
 * The exit code is 1 if there are findings, except with `--count`.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { isClean } from './prose/clean.js';
import { findingsInSubject } from './prose/rules.js';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const CODE = /\.[cm]?[jt]sx?$/;
/** Applications as their users write them. */
const FOREIGN = /^test\/grid\/(?:apps|build)\/|package-lock/;

function git(...args) {
  return execFileSync('git', args, { cwd: ROOT, encoding: 'utf8', maxBuffer: 2 ** 26 });
}

/** Files that git tracks or would add, below these paths. */
function filesBelow(paths) {
  const listed = git('ls-files', '--cached', '--others', '--exclude-standard', '--', ...paths).split('\n');
  return [...new Set(listed)].filter((file) => /\.md$/.test(file) || CODE.test(file));
}

async function codeChecker() {
  const [{ Linter }, { default: tseslint }, { default: plugin }] = await Promise.all([
    import('eslint'),
    import('typescript-eslint'),
    import('./prose/eslint-plugin.js'),
  ]);
  const linter = new Linter({ cwd: ROOT });
  const config = {
    files: ['**/*.{js,mjs,cjs,jsx,ts,mts,cts,tsx}'],
    plugins: { prose: plugin },
    languageOptions: { parser: tseslint.parser, parserOptions: { ecmaFeatures: { jsx: true } } },
    linterOptions: { noInlineConfig: true, reportUnusedDisableDirectives: 'off' },
    rules: { 'prose/english': 'error' },
  };
  const withoutJsx = { ...config, languageOptions: { parser: tseslint.parser } };
  return (text, file) =>
    linter
      .verify(text, /x$/.test(file) ? config : withoutJsx, path.join(ROOT, file))
      .map(({ line, column, message }) => ({ line, column, message }));
}

async function markdownChecker() {
  const { findingsInMarkdown } = await import('./prose/markdown.js');
  return (text) =>
    findingsInMarkdown(text).map(({ rule, message, ...place }) => ({
      ...place,
      message: `${rule}: ${message}`,
    }));
}

async function findingsOf(files) {
  const [code, markdown] = await Promise.all([
    files.some((file) => CODE.test(file)) && codeChecker(),
    files.some((file) => !CODE.test(file)) && markdownChecker(),
  ]);
  return files.flatMap((file) => {
    const check = CODE.test(file) ? code : markdown;
    return check(readFileSync(path.join(ROOT, file), 'utf8'), file).map((found) => ({ file, ...found }));
  });
}

function printCounts(files, findings) {
  const counts = new Map(files.map((file) => [path.dirname(file), 0]));
  for (const { file } of findings) counts.set(path.dirname(file), counts.get(path.dirname(file)) + 1);
  for (const [folder, count] of [...counts].sort()) console.log(`${String(count).padStart(6)}  ${folder}`);
  console.log(`${String(findings.length).padStart(6)}  in all`);
}

function commitFindings(range) {
  const commits = git('log', '--format=%h %s', range).trim().split('\n').filter(Boolean);
  return commits.flatMap((line) => {
    const hash = line.slice(0, line.indexOf(' '));
    const subject = line.slice(hash.length + 1);
    return findingsInSubject(subject).map(({ offset, rule, message }) => ({
      file: hash,
      line: 1,
      column: offset + 1,
      message: `${rule}: ${message}`,
    }));
  });
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { count: { type: 'boolean' }, check: { type: 'boolean' }, commits: { type: 'string' } },
});
const paths = positionals.map((given) => path.relative(ROOT, path.resolve(given)) || '.');
const all = values.commits === undefined ? filesBelow(paths) : [];
const files = all.filter((file) => (values.check ? isClean(file) && !CODE.test(file) : !FOREIGN.test(file)));
const findings = values.commits === undefined ? await findingsOf(files) : commitFindings(values.commits);
if (values.count) printCounts(files, findings);
else
  for (const { file, line, column, message } of findings) console.log(`${file}:${line}:${column} ${message}`);
if (findings.length > 0 && !values.count) process.exitCode = 1;
