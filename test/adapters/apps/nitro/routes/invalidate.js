import { defineHandler } from 'nitro/h3';
import { useStorage } from 'nitro/runtime';

export default defineHandler(async (event) => {
  const { driver } = useStorage().getMount('cache');
  await driver.getInstance().invalidateTags(event.url.searchParams.getAll('tag'));
  return 'done';
});
