/**
 * Named points of a request's way through a worker, at which a test ends the thread.
 *
 * Law: does nothing in production. The only state is the function below, which an application in a test replaces
 * from inside the worker.
 */
export type Point = 'claimed' | 'taken' | 'copied' | 'application' | 'mid-record' | 'committed';

export const points: { reached(point: Point): void } = { reached() {} };
