import {
  Body,
  ConflictException,
  Controller,
  Get,
  Header,
  HttpCode,
  Param,
  ParseIntPipe,
  Post,
  Query,
  Redirect,
  Sse,
  StreamableFile,
  UploadedFile,
  UseInterceptors,
} from '@nestjs/common';
import { FileInterceptor } from '@nestjs/platform-express';
import { Readable } from 'node:stream';
import { from, map, type Observable } from 'rxjs';
import { ItemsService } from './items.service.js';

@Controller()
export class AppController {
  // What it is given is told by the metadata of this type.
  constructor(private readonly items: ItemsService) {}

  @Get()
  @Header('Content-Type', 'text/html')
  home(): string {
    return '<!doctype html><title>Home</title><h1>Hello</h1>';
  }

  @Get('items/:id')
  item(@Param('id', ParseIntPipe) id: number, @Query('q') q?: string): object {
    return { ...this.items.find(id), q };
  }

  @Post('json')
  json(@Body() body: object): object {
    return body;
  }

  @Post('form')
  @HttpCode(200)
  form(@Body() body: object): object {
    return body;
  }

  @Post('upload')
  @UseInterceptors(FileInterceptor('file'))
  upload(@UploadedFile() file: { originalname: string; size: number }): object {
    return { name: file.originalname, size: file.size };
  }

  @Get('old')
  @Redirect('/', 301)
  old(): void {}

  @Get('stream')
  stream(): StreamableFile {
    return new StreamableFile(Readable.from([Buffer.from('one '), Buffer.from('two')]));
  }

  @Sse('events')
  events(): Observable<object> {
    return from([1, 2, 3]).pipe(map((n) => ({ data: { n } })));
  }

  @Get('conflict')
  conflict(): never {
    throw new ConflictException('on purpose');
  }

  @Get('error')
  error(): never {
    throw new Error('on purpose');
  }
}
