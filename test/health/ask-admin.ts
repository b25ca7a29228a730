import { eventually } from '../servers/index.ts';

/** What the admin listener answers as JSON; it takes so many questions a second, and a test that waits asks many. */
export async function askAdmin<Answer>(url: string): Promise<Answer> {
  let answer: Response | undefined;
  await eventually(`${url} is answered`, async () => (answer = await fetch(url)).status !== 429);
  return (await answer!.json()) as Answer;
}
