/**
 * Replaces `WebAssembly.compile` in a thread that may end at any moment.
 *
 * Law: one property of a global, in threads of the server, in a Node version that needs it. Remove this file when Node 20 and
 * 22 are out of support.
 *
 * `WebAssembly.compile` compiles on another thread, which then wakes this thread's loop. If this thread ends just then, the
 * process dies of a segmentation fault (nodejs/node#56236).
 *
 * Node itself compiles two small modules in this way. One is the parser of its HTTP client, at the first read of `Response`,
 * `Headers` or `fetch`. The other finds the exports of a CommonJS module. Each takes half a millisecond on this thread. Larger
 * modules, which an application compiles, are unchanged.
 */
import { webAssembly } from '../../http/webassembly.ts';

const LARGEST = 64 * 1024;
const FIXED_IN = 24;

export function compileSmallHere(): void {
  if (Number.parseInt(process.versions.node, 10) >= FIXED_IN) return;
  const { compile, Module } = webAssembly;
  const small = {
    async compile(bytes: Uint8Array, ...options: unknown[]): Promise<object> {
      const isSmall = ArrayBuffer.isView(bytes) && bytes.byteLength <= LARGEST && options.length === 0;
      return isSmall ? new Module(bytes) : compile(bytes, ...options);
    },
  };
  // If all intrinsics are frozen, this has no effect.
  Reflect.set(webAssembly, 'compile', small.compile);
}
