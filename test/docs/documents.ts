/**
 * The Markdown files of the repository as the tests of documents read them: text, headings, links, code.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';

export const ROOT = path.join(import.meta.dirname, '..', '..');

export interface Link {
  /** As it is written: `../guide/typescript.md#the-cache`. */
  readonly target: string;
  /** The file that it leads to, relative to the repository. */
  readonly file: string;
  /** '' if there is none. */
  readonly anchor: string;
}

export interface Sample {
  readonly language: string;
  /** The line of the fence. */
  readonly line: number;
  readonly code: string;
}

export class MarkdownPage {
  /** Relative to the repository. */
  readonly name: string;
  readonly text: string;
  /** The text without fenced code. */
  readonly prose: string;
  readonly samples: readonly Sample[];

  constructor(name: string) {
    this.name = name;
    this.text = readFileSync(path.join(ROOT, name), 'utf8');
    this.prose = this.text.replace(FENCE, '');
    this.samples = [...this.text.matchAll(FENCE)].map((match) => ({
      language: match[1]!,
      line: this.text.slice(0, match.index).split('\n').length,
      code: match[2]!,
    }));
  }

  /** What stands in backticks outside of fenced code. */
  get codes(): readonly string[] {
    return [...this.prose.matchAll(/`([^`\n]+)`/g)].map(([, code]) => code!);
  }

  get anchors(): ReadonlySet<string> {
    const slugs = [...this.prose.matchAll(/^#{1,6} (.+)$/gm)].map(([, title]) => slug(title!));
    return new Set(slugs);
  }

  /** Links to files of the repository. */
  get links(): readonly Link[] {
    const targets = [...this.prose.replace(/`[^`\n]*`/g, '').matchAll(/\]\(([^)\s]+)\)/g)].map(
      ([, to]) => to!,
    );
    return targets
      .filter((target) => !/^[a-z]+:/.test(target))
      .map((target) => {
        const [file = '', anchor = ''] = target.split('#');
        const folder = path.dirname(this.name);
        return { target, file: file === '' ? this.name : path.normalize(path.join(folder, file)), anchor };
      });
  }
}

const FENCE = /^```(\w*)[^\n]*\n([^]*?)^```$/gm;

/** The anchor that GitHub and npm give a heading. */
function slug(title: string): string {
  const text = title.replace(/\]\([^)]*\)/g, '').toLowerCase();
  return text.replace(/[^\p{L}\p{N}\s_-]/gu, '').replace(/ /g, '-');
}

/** Files that git knows, or would add. */
export const FILES: ReadonlySet<string> = new Set(
  execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], {
    cwd: ROOT,
    encoding: 'utf8',
  })
    .split('\n')
    .filter((name) => name !== ''),
);

export const PAGES: readonly MarkdownPage[] = [...FILES]
  .filter((name) => name.endsWith('.md'))
  .map((name) => new MarkdownPage(name));
