/** GraphQL Yoga: queries, mutations, uploads, subscriptions as events. */
import { createSchema, createYoga } from 'graphql-yoga';

const schema = createSchema({
  typeDefs: `
    scalar File
    type Query { hello(name: String = "you"): String!  fail: String  agent: String }
    type Mutation { add(a: Int!, b: Int!): Int!  size(file: File!): Int! }
    type Subscription { count(to: Int!): Int! }
  `,
  resolvers: {
    Query: {
      hello: (_, { name }) => `Hello ${name}`,
      fail() {
        throw new Error('on purpose');
      },
      agent: (_, __, { request }) => request.headers.get('x-agent'),
    },
    Mutation: {
      add: (_, { a, b }) => a + b,
      size: async (_, { file }) => (await file.arrayBuffer()).byteLength,
    },
    Subscription: {
      count: {
        async *subscribe(_, { to }) {
          for (let i = 1; i <= to; i++) yield { count: i };
        },
      },
    },
  },
});

export const yoga = createYoga({ schema, logging: false, graphiql: { title: 'Grid' } });

export default yoga;
