/** Asks the test's origin, which counts what it is asked for. */
export async function count(path) {
  const answer = await fetch(new URL(path, process.env.ORIGIN));
  return answer.text();
}
