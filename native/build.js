/**
 * Compiles the C of this folder to WebAssembly with npm's @yowasp/clang, which needs no system compiler.
 *
 *   node native/build.js            writes shim.wasm and trampoline.wasm
 *   node native/build.js --check    compiles again and compares with the committed files; exit code 1 on a difference
 *
 * The same version of the compiler writes the same bytes on every machine, so `--check` can verify the committed files.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { runLLVM } from '@yowasp/clang';

const COMPILE = [
  'clang',
  '-target',
  'wasm32',
  '-O2',
  '-ffreestanding',
  '-fno-builtin',
  '-Wall',
  '-Wextra',
  '-Werror',
];
const QUIET = ['-Wno-unused-parameter', '-Wno-int-to-pointer-cast', '-Wno-int-conversion'];
const LINK = ['wasm-ld', '--no-entry', '-z', 'stack-size=0', '--strip-all'];
const MODULES = {
  // The module uses llhttp's memory and must have no data of its own to place there.
  shim: ['--import-memory'],
  // JavaScript fills the module's table with the shim's functions once they exist.
  trampoline: ['--import-table'],
};

const local = (name) => new URL(name, import.meta.url);

async function build(name) {
  const source = Object.fromEntries(
    [`${name}.c`, 'plain-head.h'].map((file) => [file, readFileSync(local(file))]),
  );
  const options = {
    printLine: (line) => /error|warning/.test(line) && console.error(line),
    fetchProgress: () => {},
  };
  const compiled = await runLLVM(
    [...COMPILE, ...QUIET, '-c', '-o', `${name}.o`, `${name}.c`],
    source,
    options,
  );
  const linked = await runLLVM(
    [...LINK, ...MODULES[name], '-o', `${name}.wasm`, `${name}.o`],
    compiled,
    options,
  );
  const bytes = Buffer.from(linked[`${name}.wasm`]);
  if (hasData(bytes))
    throw new Error(
      `native/${name}.c needs data of its own, which it has no memory for. Rewrite the code without tables or string literals.`,
    );
  return bytes;
}

const DATA = 11;

/**
 * Whether a module has data segments, which would overwrite llhttp's memory. A section is its id, its length and its
 * bytes.
 */
function hasData(bytes) {
  let at = 8;
  const number = () => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[at++];
      value |= (byte & 127) << shift;
      if (byte < 128) return value;
    }
  };
  while (at < bytes.length) {
    if (bytes[at++] === DATA) return true;
    const length = number();
    at += length;
  }
  return false;
}

const check = process.argv.includes('--check');
for (const name of Object.keys(MODULES)) {
  const bytes = await build(name);
  const file = local(`${name}.wasm`);
  if (!check) {
    writeFileSync(file, bytes);
    console.log(`native/${name}.wasm: ${bytes.length} bytes`);
  } else if (bytes.equals(readFileSync(file))) {
    console.log(`native/${name}.wasm: identical`);
  } else {
    console.error(
      `native/${name}.wasm differs from its source. Run npm run build:native and commit the result.`,
    );
    process.exitCode = 1;
  }
}
