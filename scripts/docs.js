/**
 * Writes the parts of documents that come from tables of the code, and the type of the options.
 *
 * The documents are the pages of options and of error codes, the rooms in the architecture page, and the answers of the
 * benchmarks. With `--check`, writes nothing. The exit code is 1 if a file is stale.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { errorsPage } from './pages/errors.js';
import { optionTypes } from './pages/option-types.js';
import { optionsPage } from './pages/options.js';
import { performanceTable } from './pages/performance.js';
import { roomsTable } from './pages/rooms.js';

/** Each file, and the function that makes its text from the text that is there. */
const PAGES = {
  'src/options/options.ts': optionTypes,
  'docs/reference/options.md': optionsPage,
  'docs/reference/errors.md': errorsPage,
  'docs/internals/architecture.md': (text) => withBlock(text, 'rooms', roomsTable()),
  'docs/internals/performance.md': (text) => withBlock(text, 'answers', performanceTable()),
};

/** Replaces what stands between `<!-- name: … -->` and `<!-- end of name -->`. */
function withBlock(text, name, block) {
  const pattern = new RegExp(`(<!-- ${name}: [^>]*-->\n)[^]*?(<!-- end of ${name} -->)`);
  if (!pattern.test(text)) throw new Error(`The page has no block named ${name}`);
  return text.replace(pattern, (_, begin, end) => `${begin}\n${block}\n\n${end}`);
}

for (const [name, make] of Object.entries(PAGES)) {
  const file = new URL(`../${name}`, import.meta.url);
  const before = readFileSync(file, 'utf8');
  const after = make(before);
  if (before === after) continue;
  if (process.argv.includes('--check')) {
    console.error(`${name} is stale: run npm run docs and commit the result`);
    process.exitCode = 1;
  } else writeFileSync(file, after);
}
