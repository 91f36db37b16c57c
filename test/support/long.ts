/**
 * Whether this is `npm run test:all`, with the long form of what has one.
 */
export const LONG: boolean = process.env.TSGI_TEST_LONG === '1';
