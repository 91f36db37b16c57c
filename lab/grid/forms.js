/**
 * How an application of the grid is started: what plain Node runs, and what this server runs.
 *
 * Law: data. Paths are relative to test/grid.
 */
export const EXPORTED = 'exported';
export const PROGRAM = 'program';

/** A module that exports the application, and a program that imports it and listens. */
export function pair(folder, app = 'app.js', program = 'server.js') {
  return {
    program: `apps/${folder}/${program}`,
    forms: [
      { form: EXPORTED, file: `apps/${folder}/${app}` },
      { form: PROGRAM, file: `apps/${folder}/${program}` },
    ],
  };
}

/** The exported application is a fetch handler, and the program serves it with somebody else's adapter. */
export function fetchPair(folder, app, program) {
  const { forms, ...rest } = pair(folder, app, program);
  return { ...rest, forms: [{ ...forms[0], isFetch: true }, forms[1]] };
}

export function program(file) {
  return { program: file, forms: [{ form: PROGRAM, file }] };
}

/** It listens when it is the main module, and exports the application as well. */
export function both(file) {
  return { program: file, forms: [{ form: `${EXPORTED} and ${PROGRAM}`, file }] };
}
