/**
 * The forms of an application of the grid: the program that plain Node runs, and the files that this server runs.
 *
 * Law: data. Paths are relative to test/grid.
 */
export const EXPORTED = 'exported';
export const PROGRAM = 'program';

/** A module exports the application. A program imports it and listens. */
export function pair(folder, app = 'app.js', program = 'server.js') {
  return {
    program: `apps/${folder}/${program}`,
    forms: [
      { form: EXPORTED, file: `apps/${folder}/${app}` },
      { form: PROGRAM, file: `apps/${folder}/${program}` },
    ],
  };
}

/** The exported application is a fetch handler. The program serves it with another project's adapter. */
export function fetchPair(folder, app, program) {
  const { forms, ...rest } = pair(folder, app, program);
  return { ...rest, forms: [{ ...forms[0], isFetch: true }, forms[1]] };
}

export function program(file) {
  return { program: file, forms: [{ form: PROGRAM, file }] };
}

/** The file listens if it is the main module, and also exports the application. */
export function both(file) {
  return { program: file, forms: [{ form: `${EXPORTED} and ${PROGRAM}`, file }] };
}
