import { connection } from 'next/server';
import { Suspense } from 'react';

async function Later() {
  await connection();
  await new Promise((resolve) => setTimeout(resolve, 100));
  return <p>Later</p>;
}

export default function Stream() {
  return (
    <Suspense fallback={<p>Loading…</p>}>
      <Later />
    </Suspense>
  );
}
