/**
 * What documents name exists: flags, variables, scripts, files, members of the public types, log lines.
 */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import ts from 'typescript';
import { describe, expect, test } from 'vitest';
import { flagOf, variablesOf } from '../../src/options/show.ts';
import {
  COMMAND_OPTIONS,
  type CommandOptionName,
  type OptionName,
  OPTIONS,
} from '../../src/options/table.ts';
import { FILES, type MarkdownPage, PAGES, ROOT } from './documents.ts';

const optionNames = [...Object.keys(OPTIONS), ...Object.keys(COMMAND_OPTIONS)] as (
  OptionName | CommandOptionName
)[];

/** Flags that are not options of the server: those of its other commands, of Node, npm, git and the laboratories. */
const OTHER_FLAGS = [
  ...['--help', '--version', '--no-supervise', '--out', '--affinity'],
  ...['--inspect', '--import', '--max-old-space-size', '--expose-gc', '--cpu-prof', '--require'],
  ...['--omit', '--noEmit', '--read-only', '--from', '--its', '--ulimit'],
];

/** Pages that name things of the past, or of other programs. */
const HISTORY = /^(?:CHANGELOG|docs\/internals\/(?:grid|reliability))/;
const current = PAGES.filter(({ name }) => !HISTORY.test(name));

describe.each(current)('$name', (page) => {
  test('names flags that exist', () => {
    const known = new Set([...optionNames.map(flagOf), ...OTHER_FLAGS]);
    const lab = /^(?:lab|examples)\/|^CONTRIBUTING|internals\//.test(page.name);
    const flags = page.codes
      .filter((code) => !code.includes('npm run') && !(lab && code.startsWith('-- --')))
      .flatMap((code) => code.match(/(?<![\w-])--[a-z][\w-]*/g) ?? []);
    expect(flags.filter((flag) => !known.has(flag) && !(lab && isFlagOfLab(flag)))).toEqual([]);
  });

  test('names variables that exist', () => {
    const known = new Set([...optionNames.flatMap(variablesOf), 'TSGI_WORKER_INDEX']);
    const variables = page.text.match(/\bTSGI_(?!ERR_)[A-Z_]+\b/g) ?? [];
    expect(variables.filter((name) => !known.has(name))).toEqual([]);
  });

  test('names scripts that exist', () => {
    const { scripts } = JSON.parse(readFileSync(path.join(ROOT, 'package.json'), 'utf8')) as {
      scripts: object;
    };
    const named = [...page.text.matchAll(/npm run (?:-s )?([\w:]+)/g)].map(([, name]) => name!);
    expect(named.filter((name) => !Object.hasOwn(scripts, name))).toEqual([]);
  });

  test('names files that exist', () => {
    const named = page.codes.filter((code) =>
      /^[\w.-]+(?:\/[\w.-]+)+\.(?:ts|cts|js|md|json|h|c|pml)$/.test(code),
    );
    const exists = (file: string) =>
      [file, `src/${file}`, `lab/${file}`].some((name) => FILES.has(name) || isBuilt(name));
    const internal = /^docs\/internals|^CONTRIBUTING|^lab/.test(page.name);
    expect(internal ? named.filter((file) => !exists(file)) : []).toEqual([]);
  });
});

/** Node's flags and options of laboratories are named where the laboratory is. */
function isFlagOfLab(flag: string): boolean {
  return ['--report', '--write', '--check', '--short', '--only', '--seed', '--without'].includes(flag);
}

function isBuilt(name: string): boolean {
  return name.startsWith('dist/') && existsSync(path.join(ROOT, name));
}

function page(name: string): MarkdownPage {
  return PAGES.find((one) => one.name === name)!;
}

/** The first column of the table under a heading: the name before a bracket or a comma, for each name of a cell. */
function rowsUnder(name: string, heading: string): string[] {
  const [, rest] = page(name).prose.split(new RegExp(`^#+ ${heading}$`, 'm'));
  const section = rest!.split(/^#+ /m)[0]!;
  return [...section.matchAll(/^\| (`[^|]*) \|/gm)].flatMap(([, cell]) => [
    ...new Set([...cell!.matchAll(/`(\w+)/g)].map(([, member]) => member!)),
  ]);
}

describe('the API page', () => {
  const program = ts.createProgram(
    [path.join(ROOT, 'dist/index.d.ts'), path.join(ROOT, 'dist/channel.d.ts')],
    {
      module: ts.ModuleKind.NodeNext,
      target: ts.ScriptTarget.ES2022,
      strict: true,
    },
  );
  const checker = program.getTypeChecker();

  function membersOf(file: string, name: string): string[] {
    const source = program.getSourceFile(path.join(ROOT, 'dist', file))!;
    const found = checker
      .getExportsOfModule(checker.getSymbolAtLocation(source)!)
      .find((one) => one.name === name)!;
    const symbol = found.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(found) : found;
    return checker
      .getDeclaredTypeOfSymbol(symbol)
      .getProperties()
      .map((member) => member.name);
  }

  test.each([
    ['ServerStats', 'ServerStats'],
    ['WorkerExit', 'WorkerExit'],
    ['WorkerHandle', 'WorkerHandle'],
    ['ListenOptions', 'ListenOptions'],
    ['Logger', 'Logger'],
    ['Hooks', 'Hooks of a file'],
  ])('lists the members of %s, and no other', (type, heading) => {
    expect(rowsUnder('docs/reference/api.md', heading).toSorted()).toEqual(
      membersOf('index.d.ts', type).toSorted(),
    );
  });

  test('lists the members of Channel, and no other', () => {
    expect(rowsUnder('docs/reference/api.md', 'Channel members')).toEqual(
      membersOf('channel.d.ts', 'Channel'),
    );
  });

  test('lists only members that Server and ServerOptions have', () => {
    const server = membersOf('index.d.ts', 'Server');
    const options = membersOf('index.d.ts', 'ServerOptions');
    expect(rowsUnder('docs/reference/api.md', 'Server').filter((name) => !server.includes(name))).toEqual([]);
    expect(
      rowsUnder('docs/reference/api.md', 'ServerOptions').filter((name) => !options.includes(name)),
    ).toEqual([]);
    expect(options.filter((name) => !Object.hasOwn(OPTIONS, name)).toSorted()).toEqual(
      rowsUnder('docs/reference/api.md', 'ServerOptions').toSorted(),
    );
  });
});

test('the page of log lines quotes lines that the code writes', () => {
  const code = [...FILES]
    .filter((name) => name.startsWith('src/'))
    .map((name) => readFileSync(path.join(ROOT, name), 'utf8'))
    .join('\n');
  const lines = [...page('docs/reference/log-lines.md').prose.matchAll(/^\| `([^`]+)` \|/gm)].map(
    ([, line]) => line!,
  );
  // `…` stands for a value: what lies between is written as it is.
  const missing = lines.filter((line) => line.split('…').some((part) => !code.includes(part.trim())));
  expect(missing).toEqual([]);
});
