/** The same in TypeScript, as it is run without a compiler. */
import type { Express } from 'express';
import app from './app.js';

const typed: Express = app;

export default typed;
