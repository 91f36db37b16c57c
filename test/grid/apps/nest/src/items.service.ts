import { Injectable } from '@nestjs/common';

@Injectable()
export class ItemsService {
  find(id: number): { id: number; name: string } {
    return { id, name: `Item ${id}` };
  }
}
