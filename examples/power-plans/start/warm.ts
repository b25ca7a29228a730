const AT_ONCE = 8;

/** Asks for each path once, so that the next visitor finds it stored. Gives how many came. */
export async function warm(siteUrl: string, paths: readonly string[]): Promise<number> {
  const left = paths.values();
  let warmed = 0;
  const work = async (): Promise<void> => {
    for (const path of left) {
      const response = await fetch(siteUrl + path);
      await response.arrayBuffer();
      if (response.ok) warmed++;
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return warmed;
}
