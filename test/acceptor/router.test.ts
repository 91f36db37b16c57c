/**
 * Which worker a request is meant for. Shares and attacks of `--affinity` are tried on whole servers (test/sockets).
 */
import { describe, expect, test } from 'vitest';
import { Affinity } from '../../src/acceptor/workers/affinity.ts';
import { Router } from '../../src/acceptor/workers/router.ts';
import { UPGRADE, Workplace } from './workplace.ts';

function open(workers: number, affinity = '') {
  const place = new Workplace();
  const links = Array.from({ length: workers }, (_, at) => place.addWorker(at + 1));
  const router = new Router(place.links, place.shared.view, affinity === '' ? null : new Affinity(affinity));
  place.exchanges.router = router;
  if (affinity !== '') place.exchanges.keys = router;
  return { place, links, router };
}

describe('without affinity', () => {
  test('an ordinary request is meant for no worker', () => {
    const { place, links } = open(2);
    links[0]!.tunnels = 3;
    const exchange = place.submit();
    expect([exchange.meantFor, exchange.pinned, place.ring.depth()]).toEqual([null, false, 1]);
  });

  test('an upgrade is meant for no worker while no worker has tunnels', () => {
    const { place } = open(2);
    const exchange = place.submit(0, '/', UPGRADE);
    expect([exchange.meantFor, place.ring.depth()]).toEqual([null, 1]);
  });

  test('an upgrade is meant for the live worker with the fewest tunnels, which counts it, and is not pinned', () => {
    const { place, links } = open(3);
    const [one, two, three] = links;
    [one!.tunnels, two!.tunnels, three!.tunnels] = [2, 0, 1];
    two!.setLive(false);
    const exchange = place.submit(0, '/', UPGRADE);
    expect([exchange.meantFor?.slot, exchange.pinned, place.ring.depth()]).toEqual([3, false, 0]);
    expect(links.map(({ tunnels }) => tunnels)).toEqual([2, 0, 2]);
  });

  test('upgrades that follow one another spread', () => {
    const { place, links } = open(3);
    links[0]!.tunnels = 4;
    for (let i = 0; i < 8; i++) place.submit(0, '/', UPGRADE);
    expect(links.map(({ tunnels }) => tunnels)).toEqual([4, 4, 4]);
  });

  test('no request has a key', () => {
    const { place, router } = open(1);
    expect(router.keyAt(place.submit(0, '/?room=a').slabOffset)).toBeUndefined();
  });
});

describe('with affinity', () => {
  const room = (name: string) => `/?room=${name}`;

  test('requests with one key are pinned to one worker, also upgrades', () => {
    const { place, links, router } = open(3, 'query:room');
    links[0]!.tunnels = 1;
    for (const key of ['a', 'b', 'c', 'd']) {
      const exchanges = [0, 0, UPGRADE].map((flags) => place.submit(0, room(key), flags));
      const owner = router.ownerOf(key)!;
      expect(exchanges.map(({ meantFor, pinned }) => [meantFor?.slot, pinned])).toEqual(
        exchanges.map(() => [owner.slot, true]),
      );
    }
    expect(place.ring.depth()).toBe(0);
  });

  test('keys spread over the live workers, and only keys of a worker that leaves move', () => {
    const { links, router } = open(4, 'query:room');
    const keys = Array.from({ length: 400 }, (_, at) => `key ${at}`);
    const before = keys.map((key) => router.ownerOf(key)!);
    for (const link of links) expect(before.filter((owner) => owner === link).length).toBeGreaterThan(50);
    links[1]!.setLive(false);
    const after = keys.map((key) => router.ownerOf(key)!);
    expect(after.includes(links[1]!)).toBe(false);
    expect(after.map((owner, at) => owner === before[at] || before[at] === links[1])).not.toContain(false);
    expect(router.workers).toBe(3);
  });

  test('a request without a key is meant for no worker, and an upgrade without one for the fewest tunnels', () => {
    const { place, links } = open(2, 'query:room');
    links[0]!.tunnels = 1;
    const [plain, upgrade] = [place.submit(), place.submit(0, '/', UPGRADE)];
    expect([plain.key, plain.pinned, plain.meantFor]).toEqual([undefined, false, null]);
    expect([upgrade.pinned, upgrade.meantFor?.slot]).toEqual([false, 2]);
  });

  test('if no worker is live, a request with a key waits in the request ring', () => {
    const { place, links } = open(1, 'query:room');
    links[0]!.setLive(false);
    const exchange = place.submit(0, room('a'));
    expect([exchange.pinned, exchange.meantFor]).toEqual([true, null]);
    expect(place.ring.depth()).toBe(1);
  });

  test('a key that a worker gave to a client belongs to that worker', () => {
    const { place, links, router } = open(3, 'query:room');
    for (const link of links) {
      const key = `given by ${link.slot}`;
      router.learn(key, link);
      expect(router.ownerOf(key)!.slot).toBe(link.slot);
      expect(place.submit(0, room(encodeURIComponent(key))).key).toBe(encodeURIComponent(key));
    }
  });
});
