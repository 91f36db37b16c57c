/**
 * The task with which piscina.run is measured: it does nothing.
 */
export default (payload) => payload.length;
