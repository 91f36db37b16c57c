import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { AppModule } from './app.module.js';

export default await NestFactory.create(AppModule, { logger: false });
