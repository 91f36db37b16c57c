/**
 * Writes docs/options.md from the options table; `--check` only compares and exits with 1 when it is stale.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { flagOf, rowOf, showDefault, variablesOf } from '../dist/options/show.js';
import { COMMAND_OPTIONS, OPTIONS } from '../dist/options/table.js';

const file = new URL('../docs/options.md', import.meta.url);
const names = [...Object.keys(OPTIONS), ...Object.keys(COMMAND_OPTIONS)];
const groups = [...new Set(names.map((name) => rowOf(name).group))];

function table(group) {
  const rows = names
    .filter((name) => rowOf(name).group === group)
    .map((name) => {
      const row = rowOf(name);
      const variables = variablesOf(name).map((text) => `\`${text}\``);
      const property = name in OPTIONS ? `\`${name}\`` : '';
      return `| ${property} | \`${flagOf(name)}\` | ${variables.join(', ')} | ${showDefault(name)} | ${row.help} |`;
    });
  return [
    `## ${group}`,
    '',
    '| option | flag | variable | default | meaning |',
    '| --- | --- | --- | --- | --- |',
    ...rows,
  ].join('\n');
}

const text = `# Options

Made from the table in \`src/options/table.ts\` by \`npm run docs\`. A flag or a property stands over an environment variable,
and that over the default. Sizes are bytes or carry a unit (\`64KiB\`, \`10MiB\`); times are milliseconds or carry one
(\`500ms\`, \`30s\`, \`2m\`). An empty variable counts as one that is not set. An empty flag is an error, and so is a variable
that begins with \`TSGI_\` and belongs to no option. Above a limit the client is answered with the status given, and the first
such answer of a kind in each minute is logged. Where \`--env-file\` is given, its variables count like the environment's,
for the server and for
the application; the file is read once, when the command starts, and not again by a reload.

${groups.map(table).join('\n\n')}
`;

if (!process.argv.includes('--check')) writeFileSync(file, text);
else if (readFileSync(file, 'utf8') !== text) {
  console.error('docs/options.md is stale: run npm run docs and commit the result');
  process.exitCode = 1;
}
