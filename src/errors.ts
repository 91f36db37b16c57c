/**
 * The error codes of the server, and their classes. `tsgi/rule-errors.ts` has the codes of TSGI.
 *
 * Law: imports nothing. Each code here is thrown somewhere and named in a test.
 */

interface ErrorRow {
  /** The party at fault. It selects the class: `OptionError` or `ApplicationError`. */
  readonly fault: 'option' | 'application';
  /** The HTTP status that the client receives. 0: no client is involved. */
  readonly status: number;
  readonly message: string;
}

export const ERRORS = {
  TSGI_ERR_OPTION: { fault: 'option', status: 0, message: 'Invalid option' },
  TSGI_ERR_APP_NOT_FOUND: { fault: 'option', status: 0, message: 'Cannot find the application' },
  TSGI_ERR_APP_SYNTAX: { fault: 'option', status: 0, message: 'Cannot compile the application' },
  TSGI_ERR_CACHE: { fault: 'option', status: 0, message: 'Cannot store the compiled application' },
  TSGI_ERR_BUILD: { fault: 'option', status: 0, message: 'Cannot make or use a build of the application' },
  TSGI_ERR_APP_LOAD: { fault: 'option', status: 0, message: 'Cannot load the application' },
  TSGI_ERR_APP_EXPORT: {
    fault: 'option',
    status: 0,
    message: 'The application file exports nothing runnable',
  },
  TSGI_ERR_APP_LISTEN: {
    fault: 'option',
    status: 0,
    message: 'The application listens where the server cannot',
  },
  TSGI_ERR_APP_INTERFACE: {
    fault: 'application',
    status: 500,
    message: 'The server called the application by the wrong interface',
  },
  TSGI_ERR_BOOT_TIMEOUT: { fault: 'option', status: 0, message: 'The application did not load in time' },
  TSGI_ERR_LISTEN: { fault: 'option', status: 0, message: 'Cannot listen' },
  TSGI_ERR_STATE: { fault: 'option', status: 0, message: 'The server is in the wrong state' },
  TSGI_ERR_MEMORY: { fault: 'application', status: 0, message: 'A stray write has damaged shared memory' },
  TSGI_ERR_ZOMBIES: { fault: 'application', status: 0, message: 'Too many threads could not be terminated' },
} as const satisfies Record<string, ErrorRow>;

export type ErrorCode = keyof typeof ERRORS;

/** Every error that this package throws on purpose. `code` names it. `status` is the HTTP status that a client receives, or 0. */
export class TsgiError extends Error {
  readonly code: ErrorCode;
  readonly status: number;

  constructor(code: ErrorCode, detail?: string, options?: { cause?: unknown }) {
    super(detail ?? ERRORS[code].message, options);
    this.name = new.target.name;
    this.code = code;
    this.status = ERRORS[code].status;
  }
}

/** A wrong option, file, export or address, found before or while the server starts. */
export class OptionError extends TsgiError {}

/** The application broke a rule that the server depends on. */
export class ApplicationError extends TsgiError {}
