/**
 * The shared memory of one worker at a time: its two rings and the tail of its output.
 *
 * Law: creates, resets and provides buffers; knows neither threads nor the acceptor. A worker's memory is about 2 MiB. V8
 * underestimates shared memory and collects it late, so a server that reloads or loses workers often would keep hundreds of
 * MiB. Therefore the memory of a worker whose thread has ended serves the next worker.
 *
 * Writers: between `take` and `giveBack`, the worker's thread and the acceptor write, as in `ring/byte-ring.ts` and
 * `ring/text-tail.ts`. `giveBack` requires that the thread has exited and that the acceptor has dropped its link. Then only
 * this thread has the memory, and it resets it. The reset happens before the next worker's thread receives the buffers in a
 * message, so that worker sees empty rings. If a thread never exits, its memory is never given back.
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

  /** Memory that no worker uses, with empty rings. */
  take(): WorkerMemory {
    return this.#free.pop() ?? { ...createRings(), output: textTailBuffer() };
  }

  /** The worker's thread has exited, and the acceptor has read its remaining records. */
  giveBack(memory: WorkerMemory): void {
    resetByteRing(memory.responses);
    resetByteRing(memory.inbound);
    resetTextTail(memory.output);
    this.#free.push(memory);
  }
}
