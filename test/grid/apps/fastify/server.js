import app from './app.js';

const address = await app.listen({ port: 3000 });
console.log(new URL(address).protocol);
