/**
 * The application of the served paths for TSGI: reads its body line by line.
 */
export default async (environ, startResponse) => {
  while ((await environ['tsgi.input'].readline()).length > 0);
  startResponse(200, [['content-length', '2']]);
  return 'ok';
};
