/**
 * The shared memory that belongs to one worker at a time: its two rings and the tail of its output.
 *
 * Law: makes, resets and hands out buffers; knows neither threads nor the acceptor. A worker's memory is about 2 MiB.
 * V8 counts shared memory for little and collects it late, so a server that reloads or loses workers often would keep
 * hundreds of MiB. The memory of a worker whose thread has ended therefore serves the next worker.
 *
 * Who may write: between `take` and `giveBack` the worker's thread and the acceptor, as `ring/byte-ring.ts` and
 * `ring/text-tail.ts` say. `giveBack` requires that the thread has exited and that the acceptor has dropped its link.
 * Then this thread alone has the memory, and resets it. The reset happens before the next worker's thread receives the
 * buffers in a message, so that worker sees empty rings. If a thread never exits, its memory is never given back.
 */
import { resetByteRing } from '../ring/byte-ring.ts';
import { createRings } from '../ring/shared.ts';
import { resetTextTail, textTailBuffer } from '../ring/text-tail.ts';

export interface WorkerMemory {
  readonly responses: SharedArrayBuffer;
  readonly inbound: SharedArrayBuffer;
  readonly output: SharedArrayBuffer;
}

export class WorkerMemories {
  readonly #free: WorkerMemory[] = [];

  /** Memory that no worker uses, empty. */
  take(): WorkerMemory {
    return this.#free.pop() ?? { ...createRings(), output: textTailBuffer() };
  }

  /** The worker's thread has exited, and the acceptor has read what it left. */
  giveBack(memory: WorkerMemory): void {
    resetByteRing(memory.responses);
    resetByteRing(memory.inbound);
    resetTextTail(memory.output);
    this.#free.push(memory);
  }
}
