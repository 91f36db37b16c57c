/**
 * The table of rooms in docs/internals/architecture.md, made from `scripts/rooms.js`.
 */
import { existsSync } from 'node:fs';
import { FOLDERS, ROOMS } from '../rooms.js';

const PACKAGES = /^(?:commander|esbuild|es-module-lexer|get-tsconfig|import-meta-resolve|piscina|srvx)/;

export function roomsTable() {
  const rows = Object.entries(ROOMS).map(([name, room]) =>
    row(place(name), [room.holds, ...(FOLDERS[name] ?? []).map(folderLine)].join(' <br>'), imports(room)),
  );
  return ['| room | what lives there | may import |', '| --- | --- | --- |', ...rows].join('\n');
}

function folderLine([name, holds]) {
  return `· \`${name.endsWith('.ts') ? name : `${name}/`}\`: ${holds}`;
}

function row(...cells) {
  return `| ${cells.join(' | ')} |`;
}

/** A file directly in `src/` is a room of its own. */
function place(name) {
  const isFile = existsSync(new URL(`../../src/${name}.ts`, import.meta.url));
  return isFile ? `\`${name}.ts\`` : `\`${name}/\``;
}

function imports({ imports: values, typesOnly = [] }) {
  const types = typesOnly.length === 0 ? '' : `types of ${typesOnly.join(', ')}`;
  return [values.map((name) => (PACKAGES.test(name) ? `\`${name}\`` : name)).join(', '), types]
    .filter((text) => text !== '')
    .join('; ');
}
