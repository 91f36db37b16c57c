/**
 * `WebAssembly.compile` of a thread that may end at any moment.
 *
 * Law: one property of a global, in threads of our own, of a Node that needs it. Goes when Node 20 and 22 do.
 *
 * It compiles on another thread, which then wakes this one's loop; if this thread ends just then, the process dies of a
 * segmentation fault (nodejs/node#56236). Node compiles so itself: the parser of its HTTP client when `Response`,
 * `Headers` or `fetch` are first looked at, and the one that finds what a CommonJS module exports. These are small, and
 * take half a millisecond on this thread. What an application compiles that is larger is left as it is.
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
  // Where all intrinsics are frozen, it stays as it is.
  Reflect.set(webAssembly, 'compile', small.compile);
}
