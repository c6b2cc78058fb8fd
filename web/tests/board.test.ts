import { describe, expect, test } from 'vitest'
import type { Goal } from '../src/lib/api'
import { bare, moved } from '../src/lib/rooms/board'
import { bought } from '../src/lib/rooms/chat'

const goal = (id: string, so_far: number, state: Goal['state'] = 'open'): Goal => ({ id, title: id, kind: 'gifts', target: 3, so_far, state, since: 0 })
const event = (of: Goal) => ({ n: 1, at: '2026-03-04T20:00:00Z', type: 'goal' as const, goal: of })
const from = { id: 'p1', name: 'Bea', kind: 'person' as const, badge: 2 }

describe('a board', () => {
  test('keeps the place of a goal that moves, and lets go of one that is removed', () => {
    const two = moved(moved(bare, event(goal('a', 0))), event(goal('b', 0)))
    const on = moved(two, event(goal('a', 3, 'reached')))
    expect(on.goals.map(({ id, so_far, state }) => [id, so_far, state])).toEqual([['a', 3, 'reached'], ['b', 0, 'open']])
    expect(moved(on, event(goal('a', 3, 'removed'))).goals.map(({ id }) => id)).toEqual(['b'])
  })
})

describe('chat', () => {
  test('shows hearts that were bought as a line of their own', () => {
    const lines = bought([], { n: 4, at: '2026-03-04T20:00:00Z', type: 'badge', from, hearts: 2 })
    expect(lines.map(({ id, kind, from }) => [id, kind, from?.badge])).toEqual([['badge-4', 'badge', 2]])
  })
  test('says who subscribes, and for how long', () => {
    const lines = bought([], { n: 5, at: '2026-03-04T20:00:00Z', type: 'subscription', from, tier: 1, months: 3 })
    expect(lines.map(({ id, kind, event }) => [id, kind, event?.type])).toEqual([['subscription-5', 'subscription', 'subscription']])
  })
})
