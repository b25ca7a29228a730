import { cacheLife, cacheTag } from 'next/cache';
import { count } from '../../count.js';

export const dynamic = 'force-dynamic';

async function plan(id) {
  'use cache';
  cacheTag(`plan:${id}`);
  cacheLife({ stale: 30, revalidate: 2, expire: 3600 });
  return await count(`/plan/${id}`);
}

export async function GET(request) {
  return new Response(await plan(request.nextUrl.searchParams.get('id')));
}
