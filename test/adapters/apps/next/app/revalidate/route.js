import { revalidatePath, revalidateTag } from 'next/cache';

export async function POST(request) {
  const { searchParams } = request.nextUrl;
  if (searchParams.has('path')) revalidatePath(searchParams.get('path'));
  if (searchParams.has('tag')) revalidateTag(searchParams.get('tag'), searchParams.get('profile') ?? { expire: 0 });
  return new Response('done');
}
