/**
 * Types for the part of the WebAssembly JavaScript API that `wasm.ts` uses. TypeScript declares this API only in its DOM
 * library, and the other globals of that library do not exist in Node.
 *
 * Law: types, and the one object that they describe.
 */
export interface WasmMemory {
  readonly buffer: ArrayBuffer;
  grow(pages: number): number;
}

export interface Table {
  set(index: number, value: () => number): void;
}

export type ExportValue = ((...args: never[]) => unknown) | WasmMemory | Table;
export type Imports = Record<string, Record<string, ExportValue>>;

interface Api {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (
    module: object,
    imports: Imports,
  ) => { readonly exports: Record<string, ExportValue> };
  readonly compile: (bytes: Uint8Array, ...options: unknown[]) => Promise<object>;
  readonly Table: new (descriptor: { element: 'anyfunc'; initial: number }) => Table;
}

export const webAssembly: Api = (globalThis as unknown as { WebAssembly: Api }).WebAssembly;
