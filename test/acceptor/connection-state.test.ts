/**
 * The table of a connection's states and events.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import {
  ConnectionEvent,
  ConnectionState,
  nextState,
  parses,
  TRANSITIONS,
} from '../../src/acceptor/connection/connection-state.ts';

type StateName = keyof typeof ConnectionState;
type EventName = keyof typeof ConnectionEvent;

const ROOM = path.join(import.meta.dirname, '..', '..', 'src', 'acceptor', 'connection');
const states = Object.keys(ConnectionState) as StateName[];
const events = Object.keys(ConnectionEvent) as EventName[];
const everywhere = new Set<EventName>(['ENDS', 'CLOSED']);

test('every pair of state and event leads to the state of the table, or throws', () => {
  for (const state of states)
    for (const event of events) {
      const to = TRANSITIONS[state][event];
      const apply = () => nextState(ConnectionState[state], ConnectionEvent[event]);
      if (to === undefined) expect(apply, `${state} ${event}`).toThrow(`the state ${state} cannot take`);
      else expect(apply(), `${state} ${event}`).toBe(ConnectionState[to]);
    }
});

test('the numbers of states and events are their places in the table', () => {
  expect(Object.values(ConnectionState)).toEqual(states.map((_, at) => at));
  expect(Object.values(ConnectionEvent)).toEqual(events.map((_, at) => at));
});

test('the diagram in the header shows every arrow of the table, and no other', () => {
  const header = readFileSync(path.join(ROOM, 'connection-state.ts'), 'utf8').split('*/')[0]!;
  const drawn = [...header.matchAll(/^ \* {3}(.+) ──(\w+)──► (\w+)$/gm)].map(([, ...arrow]) =>
    arrow.join(' '),
  );
  const arrows = states.flatMap((state) =>
    Object.entries(TRANSITIONS[state])
      .filter(([event]) => !everywhere.has(event as EventName))
      .map(([event, to]) => `${state} ${event.toLowerCase()} ${to}`),
  );
  expect(drawn).toEqual([...arrows, 'any but CLOSED ends LINGER', 'any but CLOSED closed CLOSED']);
  for (const state of states) {
    const { ENDS, CLOSED } = TRANSITIONS[state];
    expect([state, ENDS, CLOSED]).toEqual(
      state === 'CLOSED' ? [state, undefined, undefined] : [state, 'LINGER', 'CLOSED'],
    );
  }
});

test('a closed connection takes no event, and every state can be reached', () => {
  expect(TRANSITIONS.CLOSED).toEqual({});
  const reached = new Set<StateName>(['IDLE']);
  for (const state of reached) for (const to of Object.values(TRANSITIONS[state])) reached.add(to);
  expect([...reached].sort()).toEqual([...states].sort());
});

test('bytes are parsed in the states in which a message may go on or begin', () => {
  const parsing = states.filter((state) => parses(ConnectionState[state]));
  expect(parsing).toEqual(['IDLE', 'HEAD', 'BODY', 'STREAM', 'DISCARD']);
});

test('only the connection applies events, and in one place', () => {
  const callers = [
    'connection.ts',
    'current-request.ts',
    'deadlines.ts',
    'incoming-body.ts',
    'inlet.ts',
    'intake.ts',
  ]
    .map((file) => [file, readFileSync(path.join(ROOM, file), 'utf8').split('nextState(').length - 1])
    .filter(([, calls]) => calls !== 0);
  expect(callers).toEqual([['connection.ts', 1]]);
});
