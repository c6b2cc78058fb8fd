import { describe, expect, it } from 'vitest'
import type { PollView, RoomEvent } from '../src/lib/api/types'
import { chapters, counted, heard, shares, silent, told, voted } from '../src/lib/rooms/talk'

const from = { id: 'p', name: 'Bea', kind: 'person' as const }
const at = '2026-01-01T00:00:00Z'
const poll = (id: string, open: boolean, votes: number[], to: 'everyone' | 'subscribers' = 'everyone'): PollView => ({ id, open, votes, to, question: '?', options: ['a', 'b'] })
const polled = (n: number, of: PollView): RoomEvent => ({ n, at, type: 'poll', poll: of })
const said = (n: number, id: string): RoomEvent => ({ n, at, type: 'sub_room_said', id, from, text: 'hi' })
const spot = (id: string, text: string) => ({ id, message: `m-${id}`, from, text, to: 'everyone' as const })

describe('what a live talks about', () => {
  it('keeps what is said in the sub room once, and forgets it with the right to it', () => {
    const twice = [said(1, 'a'), said(2, 'b'), said(1, 'a')].reduce((talk, event) => heard(talk, event, 'p'), { ...silent, sub_room: true })
    expect(twice.lines.map(({ id }) => id)).toEqual(['b', 'a'])
    expect(heard(twice, { n: 3, at, type: 'deleted', message: 'a', by: 'p' }, 'p').lines[1]?.state).toBe('deleted')
    expect(told(twice, { ...silent, sub_room: true }).lines).toHaveLength(2)
    expect(told(twice, { ...silent, sub_room: false }).lines).toEqual([])
  })

  it('counts votes, keeps one’s own through them, and a result until the next poll of its kind', () => {
    let talk = heard(silent, polled(1, poll('a', true, [0, 0])), undefined)
    talk = counted(voted(talk, 'a', 1), { viewers: 1, polls: [{ id: 'a', votes: [1, 3] }] })
    expect(talk.polls[0]).toMatchObject({ votes: [1, 3], mine: 1 })
    expect(shares(talk.polls[0]!)).toEqual([25, 75])
    expect(shares({ votes: [0, 0] })).toEqual([0, 0])
    talk = heard(talk, polled(2, poll('a', false, [2, 3])), undefined)
    expect(talk.polls).toMatchObject([{ id: 'a', open: false, mine: 1 }])
    talk = heard(talk, polled(3, poll('s', true, [0, 0], 'subscribers')), undefined)
    talk = heard(talk, polled(4, poll('b', true, [0, 0])), undefined)
    expect(talk.polls.map(({ id }) => id)).toEqual(['s', 'b'])
  })

  it('has chapters of what was answered, not of what was taken away', () => {
    const events: [number, RoomEvent][] = [
      [1000, { n: 1, at, type: 'spotlight', spotlight: spot('x', 'why?') }],
      [2000, { n: 2, at, type: 'spotlight_end', spotlight: 'x', answered: false }],
      [3000, { n: 3, at, type: 'spotlight', spotlight: spot('y', 'how?') }],
      [9000, { n: 4, at, type: 'spotlight_end', spotlight: 'y', answered: true }],
      // Its message was deleted: nothing is left of it to show.
      [9500, { n: 5, at, type: 'removed' }],
      [9900, { n: 6, at, type: 'spotlight_end', spotlight: 'z', answered: true }],
    ]
    expect(chapters(events.map(([position_ms, event]) => ({ position_ms, event })))).toEqual([{ id: 'y', fromMs: 3000, toMs: 9000, who: 'Bea', text: 'how?' }])
  })
})
