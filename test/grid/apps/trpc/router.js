/** tRPC's own: queries, a mutation, an error, a stream of events. */
import { initTRPC, TRPCError } from '@trpc/server';
import { z } from 'zod';

const t = initTRPC.create();

export const appRouter = t.router({
  hello: t.procedure.query(() => 'Hello'),
  item: t.procedure
    .input(z.object({ id: z.number() }))
    .query(({ input }) => ({ id: input.id, name: `Item ${input.id}` })),
  add: t.procedure
    .input(z.object({ a: z.number(), b: z.number() }))
    .mutation(({ input }) => input.a + input.b),
  fail: t.procedure.query(() => {
    throw new TRPCError({ code: 'CONFLICT', message: 'on purpose' });
  }),
  count: t.procedure.input(z.number()).subscription(async function* ({ input }) {
    for (let i = 1; i <= input; i++) yield i;
  }),
});
