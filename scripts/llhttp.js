/**
 * Puts the WebAssembly of the parser beside the compiled parser: llhttp itself, extracted from npm's llhttp-wasm, and
 * the two modules of native/.
 *
 * llhttp-wasm contains the binary as a base64 literal. Its version and the binary's SHA-256 are pinned here, so that an
 * installation cannot bring a different parser unnoticed.
 */
import { createHash } from 'node:crypto';
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

const VERSION = '1.0.3';
const SHA256 = '259f8302ac0f7fd7d38469e0d16b505e59c6b432cc5eb856be4d012260de0e11';

export function embedLlhttp(outDir) {
  const entry = createRequire(import.meta.url).resolve('llhttp-wasm');
  const root = path.join(path.dirname(entry), '..');
  const { version } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'));
  if (version !== VERSION)
    throw new Error(`llhttp-wasm ${version} is installed, but ${VERSION} is pinned. Run npm ci.`);
  const binary = extract(readFileSync(entry, 'utf8'));
  mkdirSync(outDir, { recursive: true });
  writeFileSync(path.join(outDir, 'llhttp.wasm'), binary);
  writeFileSync(path.join(outDir, 'LICENSE-llhttp'), licence(root));
  for (const name of ['shim.wasm', 'trampoline.wasm']) {
    copyFileSync(new URL(`../native/${name}`, import.meta.url), path.join(outDir, name));
  }
}

function extract(source) {
  const literal = /[A-Za-z0-9+/=]{10000,}/.exec(source);
  if (literal === null)
    throw new Error(
      'Cannot extract llhttp: llhttp-wasm has no base64 literal. Adapt scripts/llhttp.js to this version.',
    );
  const binary = Buffer.from(literal[0], 'base64');
  const sum = createHash('sha256').update(binary).digest('hex');
  if (sum !== SHA256)
    throw new Error(
      `The llhttp binary has SHA-256 ${sum}, but ${SHA256} is pinned. Run npm ci, or check the new binary.`,
    );
  return binary;
}

function licence(root) {
  const packaging = readFileSync(path.join(root, 'LICENSE'), 'utf8');
  return `llhttp.wasm is llhttp (https://github.com/nodejs/llhttp), Copyright Fedor Indutny, 2018, under the MIT
licence, as packaged for npm by llhttp-wasm under the licence below.

${packaging}`;
}
