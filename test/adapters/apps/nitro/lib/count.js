/** Asks the test's origin, which counts what it is asked for; the answer can be invalidated by its city. */
export async function count(event, kind) {
  const { city } = event.context.params;
  const answer = await fetch(new URL(`/${kind}/${city}`, process.env.ORIGIN));
  event.res.headers.set('cache-tag', `city:${city}`);
  return answer.text();
}
