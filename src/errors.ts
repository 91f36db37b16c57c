/**
 * The one table of the server's error codes (those of TSGI are in `tsgi/rule-errors.ts`): whose fault (class), what the client is answered (status), the message.
 * Imports nothing. A code added here must be thrown somewhere and be named in a test.
 */

interface ErrorRow {
  /** Whose fault it is; the class of the same name is thrown. */
  readonly fault: 'option' | 'application';
  /** HTTP status the client is answered, 0 where no client is involved. */
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
    message: 'The application was called by the wrong interface',
  },
  TSGI_ERR_BOOT_TIMEOUT: { fault: 'option', status: 0, message: 'The application did not load in time' },
  TSGI_ERR_LISTEN: { fault: 'option', status: 0, message: 'Cannot listen' },
  TSGI_ERR_STATE: { fault: 'option', status: 0, message: 'The server is in the wrong state' },
  TSGI_ERR_MEMORY: { fault: 'application', status: 0, message: 'Shared memory was written over' },
  TSGI_ERR_ZOMBIES: { fault: 'application', status: 0, message: 'Too many threads cannot be ended' },
} as const satisfies Record<string, ErrorRow>;

export type ErrorCode = keyof typeof ERRORS;

/** Every error this package throws on purpose. `code` names it, `status` is what a client is answered (0: none). */
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

/** The caller's fault, found before or while starting: a wrong option, file, export or address. */
export class OptionError extends TsgiError {}

/** The application did what the server cannot put up with. */
export class ApplicationError extends TsgiError {}
