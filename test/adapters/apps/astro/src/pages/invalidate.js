export async function POST({ cache, url }) {
  await cache.invalidate({ tags: url.searchParams.getAll('tag') });
  return new Response('done');
}
