/**
 * The environment of a suite.
 *
 * Law: puts the server below every Node process that the suite starts, or leaves node:http.
 */

/** @param register a module to load before each program; null for plain node:http */
export function withRegister(register) {
  const { NODE_OPTIONS = '', ...rest } = process.env;
  return register === null ? process.env : { ...rest, NODE_OPTIONS: `${NODE_OPTIONS} --import=${register}` };
}
