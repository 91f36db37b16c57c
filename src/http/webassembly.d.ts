/**
 * The part of the WebAssembly JavaScript API that is used here: it stands in TypeScript's DOM library, whose other
 * globals do not exist in Node.
 */
declare namespace WebAssembly {
  type ExportValue = ((...args: never[]) => unknown) | Memory | Table;
  type Imports = Record<string, Record<string, ExportValue>>;

  class Memory {
    readonly buffer: ArrayBuffer;
    grow(pages: number): number;
  }

  class Table {
    constructor(descriptor: { element: 'anyfunc'; initial: number });
    set(index: number, value: () => number): void;
  }

  class Module {
    constructor(bytes: Uint8Array);
  }

  class Instance {
    readonly exports: Record<string, ExportValue>;
    constructor(module: Module, imports: Imports);
  }
}
