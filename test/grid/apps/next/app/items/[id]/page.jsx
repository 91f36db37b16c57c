import { cookies, headers } from 'next/headers';
import { notFound, redirect } from 'next/navigation';

export default async function Item({ params, searchParams }) {
  const { id } = await params;
  const { q = 'nothing' } = await searchParams;
  if (id === 'old') redirect('/items/7');
  if (id === 'none') notFound();
  if (id === 'broken') throw new Error('on purpose');
  const agent = (await headers()).get('user-agent');
  const theme = (await cookies()).get('theme')?.value;
  return (
    <p>
      Item {id} for {q}, {agent}, {theme}
    </p>
  );
}
