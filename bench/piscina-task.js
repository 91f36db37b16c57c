/**
 * What piscina.run is measured with: a task that does nothing.
 */
export default (payload) => payload.length;
