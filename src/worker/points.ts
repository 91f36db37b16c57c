/**
 * Named points on the way of a request through a worker, at which a test ends the thread.
 *
 * Law: does nothing in production. The only state is the function below. An application in a test replaces it from inside the
 * worker.
 */
export type Point = 'claimed' | 'taken' | 'copied' | 'application' | 'mid-record' | 'committed';

export const points: { reached(point: Point): void } = { reached() {} };
