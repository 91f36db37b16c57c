/**
 * A case-insensitive view of a list of headers, for applications and middleware that read or change a header.
 *
 * Law: changes the list in place. Order, repeats and the case of names stay as the caller wrote them. `check-answer.ts` checks
 * headers when they are sent; this file does not.
 */
/// <reference types="node" preserve="true" />
import type { HeaderList } from './types.ts';

/** Parameters of a header value. `undefined` is a name without a value. */
export type HeaderParameters = Readonly<Record<string, string | undefined>>;

export class HeaderView implements Iterable<[name: string, value: string]> {
  readonly list: HeaderList;

  constructor(list: HeaderList = []) {
    this.list = list;
  }

  /** The first value, or undefined. */
  get(name: string): string | undefined {
    return this.list[this.#indexOf(name)]?.[1];
  }

  /** Every value in order. */
  getAll(name: string): string[] {
    const lower = name.toLowerCase();
    return this.list.filter((field) => field[0].toLowerCase() === lower).map((field) => field[1]);
  }

  has(name: string): boolean {
    return this.#indexOf(name) !== -1;
  }

  /** Replaces every value by one, at the place of the first. */
  set(name: string, value: string, parameters?: HeaderParameters): this {
    const index = this.#indexOf(name);
    const field: [string, string] = [name, withParameters(value, parameters)];
    if (index === -1) this.list.push(field);
    else {
      this.list[index] = field;
      this.#deleteFrom(name, index + 1);
    }
    return this;
  }

  /** Sets a value unless there is one. Returns the value that the list then has. */
  setDefault(name: string, value: string): string {
    const present = this.get(name);
    if (present !== undefined) return present;
    this.list.push([name, value]);
    return value;
  }

  /** Adds a value after the existing ones. */
  append(name: string, value: string, parameters?: HeaderParameters): this {
    this.list.push([name, withParameters(value, parameters)]);
    return this;
  }

  /** Removes every value. Returns true if there was one. */
  delete(name: string): boolean {
    const before = this.list.length;
    this.#deleteFrom(name, 0);
    return this.list.length < before;
  }

  get size(): number {
    return this.list.length;
  }

  [Symbol.iterator](): Iterator<[name: string, value: string]> {
    return this.list[Symbol.iterator]();
  }

  #indexOf(name: string): number {
    const lower = name.toLowerCase();
    return this.list.findIndex((field) => field[0].toLowerCase() === lower);
  }

  #deleteFrom(name: string, from: number): void {
    const lower = name.toLowerCase();
    for (let i = this.list.length - 1; i >= from; i--) {
      if (this.list[i]![0].toLowerCase() === lower) this.list.splice(i, 1);
    }
  }
}

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/** `value; name=token; name="quoted string"` (RFC 9110 §5.6.6). */
export function withParameters(value: string, parameters: HeaderParameters = {}): string {
  let text = value;
  for (const [name, parameter] of Object.entries(parameters)) {
    text += `; ${name}`;
    if (parameter !== undefined) text += `=${quote(parameter)}`;
  }
  return text;
}

function quote(value: string): string {
  return TOKEN.test(value) ? value : `"${value.replaceAll(/["\\]/g, String.raw`\$&`)}"`;
}
