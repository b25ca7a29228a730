import { count } from '../../../count.js';

export const revalidate = 2;

export function generateStaticParams() {
  return [];
}

export default async function Page({ params }) {
  const { slug } = await params;
  return <p>{await count(`/isr/${slug}`)}</p>;
}
