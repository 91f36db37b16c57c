/**
 * docs/reference/options.md, made from the table of options.
 */
import { flagOf, rowOf, showDefault, variablesOf } from '../../dist/options/show.js';
import { COMMAND_OPTIONS, OPTIONS } from '../../dist/options/table.js';

const HEAD = `# Options

\`npm run docs\` makes this page from the table in \`src/options/table.ts\`.

**Where a value comes from.** The server takes the first of these:

1. the flag, or the property of \`createServer\`;
2. the environment variable, which \`--env-file\` may set;
3. the default.

**Units.** A size is a number of bytes, or has a unit: \`64KiB\`, \`10MiB\`. A time is a number of milliseconds, or has a unit: \`500ms\`,
\`30s\`, \`2m\`.

**Errors.** An empty variable counts as unset. An empty flag is an error. A variable that begins with \`TSGI_\` and belongs to no
option is an error.

**Refusals.** If a request exceeds a limit, the acceptor answers it with the status that the row names. The server logs the first such
answer of each kind in a minute.

**\`--env-file\`.** The command reads the file once, when it starts. The server and the application see its variables. A reload does not
read the file again.`;

export function optionsPage() {
  const names = [...Object.keys(OPTIONS), ...Object.keys(COMMAND_OPTIONS)];
  const groups = [...new Set(names.map((name) => rowOf(name).group))];
  return `${[HEAD, ...groups.map((group) => table(group, names))].join('\n\n')}\n`;
}

function table(group, names) {
  const rows = names.filter((name) => rowOf(name).group === group).map(line);
  return [
    `## ${group}`,
    '',
    '| option | flag | variable | default | meaning |',
    '| --- | --- | --- | --- | --- |',
    ...rows,
  ].join('\n');
}

function line(name) {
  const variables = variablesOf(name).map((text) => `\`${text}\``);
  const property = name in OPTIONS ? `\`${name}\`` : '';
  return `| ${property} | \`${flagOf(name)}\` | ${variables.join(', ')} | ${showDefault(name)} | ${rowOf(name).help} |`;
}
