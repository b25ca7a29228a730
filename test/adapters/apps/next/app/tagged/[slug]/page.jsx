import { count } from '../../../count.js';

export const revalidate = 3600;

export function generateStaticParams() {
  return [];
}

export default async function Page({ params }) {
  const { slug } = await params;
  const answer = await fetch(`${process.env.ORIGIN}/data/${slug}`, { next: { tags: [`item:${slug}`], revalidate: 3600 } });
  return (
    <p>
      {await count(`/tagged/${slug}`)} {await answer.text()}
    </p>
  );
}
