/**
 * Links llhttp's WebAssembly with the shim, so that no parser callback enters JavaScript.
 *
 * Law: knows modules, memory and the table; not HTTP. The header of `native/trampoline.c` explains why there are three
 * modules.
 *
 * Memory: llhttp's own pages, then the region of the shim. The memory grows once, here. Nothing calls llhttp's allocator
 * afterwards, so no view on the memory is ever detached.
 */
import { existsSync, readFileSync } from 'node:fs';
import { type ExportValue, type Imports, type WasmMemory, webAssembly } from './webassembly.ts';

const PAGE = 65536;
/** Callbacks in the order of the trampoline's table. Entry 0 of the table stays empty. */
const CALLBACKS = [
  'on_message_begin',
  'on_url',
  'on_status',
  'on_header_field',
  'on_header_value',
  'on_headers_complete',
  'on_body',
  'on_message_complete',
];
/** llhttp's parser type for requests. */
const REQUEST = 1;
/** The start of the shim's region. `native/shim.c` is compiled for this address. */
export const REGION = 0x20000;

export interface LinkedParser {
  readonly memory: ArrayBuffer;
  /** Address of a request parser in its initial state. */
  readonly pristine: number;
  start(): void;
  feed(address: number, length: number): number;
}

type Exported = Record<string, ExportValue>;

/** @param bytes size of the shim's region */
export function linkParser(bytes: number): LinkedParser {
  const table = new webAssembly.Table({ element: 'anyfunc', initial: CALLBACKS.length + 1 });
  const trampoline = instantiate('trampoline', { env: { __indirect_function_table: table } });
  const llhttp = instantiate('llhttp', { env: trampoline });
  const memory = llhttp.memory as WasmMemory;
  (llhttp._initialize as () => void)();
  const pristine = (llhttp.llhttp_alloc as (type: number) => number)(REQUEST);
  if (memory.buffer.byteLength !== REGION)
    throw new Error(`llhttp's memory has ${memory.buffer.byteLength} bytes`);
  memory.grow(Math.ceil(bytes / PAGE));
  const shim = instantiate('shim', { env: { memory }, llhttp });
  for (const [index, name] of CALLBACKS.entries()) table.set(index + 1, shim[name] as () => number);
  return {
    memory: memory.buffer,
    pristine,
    start: shim.start as () => void,
    feed: shim.feed as (address: number, length: number) => number,
  };
}

function instantiate(name: string, imports: Imports): Exported {
  const beside = new URL(`./${name}.wasm`, import.meta.url);
  // If this file runs from source, the modules are in the folder of the build.
  const file = existsSync(beside) ? beside : new URL(`../../dist/http/${name}.wasm`, import.meta.url);
  return new webAssembly.Instance(new webAssembly.Module(readFileSync(file)), imports).exports;
}
