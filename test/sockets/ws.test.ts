/**
 * WebSocket servers with the library ws, compared with the same program on node:http. The client's bytes are cut at
 * random.
 */
import { describe, expect, test } from 'vitest';
import { randomOf } from '../../lab/proof/random.ts';
import { type Heard, SequenceClient } from './ws-client.ts';
import { SEQUENCES, type Sequence, stepsOf } from './ws-sequences.ts';
import { finalNotes, onNode, onOurs, type Subject } from './ws-servers.ts';
import { LONG } from '../support/long.ts';

/** The same seed repeats the cuts. The boundaries of packets can still differ. */
const SEED = Number(process.env.TSGI_TEST_SEED ?? Date.now() % 1_000_000);
const ROUNDS = LONG ? 40 : 4;

interface Seen extends Heard {
  readonly notes: readonly string[];
}

async function see(subject: Subject, sequence: Sequence, id: string, seed: number): Promise<Seen> {
  const client = new SequenceClient(subject.port, randomOf(seed));
  const heard = await client.say(stepsOf(sequence, id));
  return { ...heard, notes: await finalNotes(subject, id) };
}

describe('a table of sequences, each cut at random, gets the same responses as on node:http', () => {
  test.each([2, 0])(`%i workers, seed ${SEED}`, { timeout: 120_000 }, async (workers) => {
    const [node, ours] = [await onNode(), await onOurs(workers)];
    for (let round = 0; round < ROUNDS; round++) {
      await Promise.all(
        SEQUENCES.map(async (sequence, index) => {
          const seed = SEED + round * SEQUENCES.length + index;
          const id = `${round}-${index}`;
          const [expected, seen] = await Promise.all([
            see(node, sequence, id, seed),
            see(ours, sequence, id, seed),
          ]);
          expect(seen, `${sequence.name}: TSGI_TEST_SEED=${SEED}, round ${round}`).toEqual(expected);
        }),
      );
    }
  });
});
