import { createServer } from 'node:http';
import listener from './app.js';

createServer(listener).listen(3000);
