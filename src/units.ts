/**
 * Units of time and size.
 *
 * Law: constants and types only.
 */
export const MS = 1;
export const SECONDS = 1000 * MS;
export const MINUTES = 60 * SECONDS;
export const HOURS = 60 * MINUTES;
export const KIB = 1024;
export const MIB = 1024 * KIB;
export const GIB = 1024 * MIB;

/** A time in milliseconds. */
export type Milliseconds = number;
/** A size in bytes. */
export type Bytes = number;

/** A time: milliseconds, or a number with its unit, such as `'500ms'`, `'30s'`, `'2m'` or `'1h'`. */
export type Duration = Milliseconds | `${number}${'ms' | 's' | 'm' | 'min' | 'h'}`;

/** A size: bytes, or a number with its unit, such as `'64KiB'`, `'10MiB'` (powers of 1024) or `'10MB'` (powers of 1000). */
export type Size = Bytes | `${number}${'B' | 'kB' | 'KB' | 'MB' | 'GB' | 'KiB' | 'MiB' | 'GiB'}`;
