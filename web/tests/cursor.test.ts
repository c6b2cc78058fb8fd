import { describe, expect, test } from 'vitest'
import type { ChatMode, RoomView, TalkView } from '../src/lib/api/types'
import { Cursor } from '../src/lib/rooms/cursor'
import type { Frame, RoomEvent, StageView } from '../src/lib/rooms/wire'

const title = (n: number): RoomEvent => ({ n, at: '2026-01-01T00:00:00Z', type: 'title', title: `t${n}` })
const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => title(from + i))
const hello = (epoch: number, seq: number, ev: RoomEvent[], reset = false): Frame => ({
  v: 1,
  epoch,
  seq,
  hello: { you: null, room: { epoch } as RoomView, reset, stage: {} as StageView, board: { top: [], goals: [] }, talk: {} as TalkView, chat: {} as ChatMode, held: null, reactions: 0 },
  ev,
})
const live = (ev: RoomEvent[], epoch = 1): Frame => ({ v: 1, epoch, seq: ev.at(-1)!.n, ev })
const numbers = (events: RoomEvent[]) => events.map((event) => event.n)

describe('a screen in the room log', () => {
  test('a first visit asks for nothing by number and takes the snapshot', () => {
    const cursor = new Cursor()
    expect(cursor.query).toBe('')
    expect(numbers(cursor.take(hello(1, 5, range(3, 5))).events)).toEqual([3, 4, 5])
    expect(cursor.query).toBe('?after=5&epoch=1')
  })

  test('events come once, in order', () => {
    const cursor = new Cursor()
    cursor.take(hello(1, 5, range(1, 5)))
    expect(numbers(cursor.take(live(range(4, 7))).events)).toEqual([6, 7])
    expect(numbers(cursor.take(live(range(6, 7))).events)).toEqual([])
    expect(cursor.last).toBe(7)
  })

  test('after a break exactly what was missed is handed out', () => {
    const cursor = new Cursor()
    cursor.take(hello(1, 5, range(1, 5)))
    const taken = cursor.take(hello(1, 9, range(6, 9)))
    expect(taken.reset).toBe(false)
    expect(numbers(taken.events)).toEqual([6, 7, 8, 9])
  })

  test('a quiet room: the hello’s number counts even without events', () => {
    const cursor = new Cursor()
    cursor.take(hello(3, 40, []))
    expect(cursor.query).toBe('?after=40&epoch=3')
  })

  test('numbers that are absent belong to others; what is counted is what the frame leads up to', () => {
    const cursor = new Cursor()
    cursor.take(hello(1, 5, []))
    const taken = cursor.take({ ...live([title(6), title(8)]), seq: 11 })
    expect(numbers(taken.events)).toEqual([6, 8])
    expect(taken.lost).toBe(false)
    expect(cursor.query).toBe('?after=11&epoch=1')
    expect(numbers(cursor.take(live([title(9), title(12)])).events)).toEqual([12])
  })

  test('an announced gap is marked and stepped over', () => {
    const cursor = new Cursor()
    cursor.take(hello(1, 5, []))
    expect(cursor.take({ v: 1, gap: { from: 6, to: 40 } }).gap).toEqual({ from: 6, to: 40 })
    expect(numbers(cursor.take(live([title(41)])).events)).toEqual([41])
    expect(cursor.take({ v: 1, gap: { from: 6, to: 40 } }).gap).toBeNull()
  })

  test.each([
    ['the server says so', hello(1, 90, range(80, 90), true)],
    ['the epoch is another', hello(2, 12, range(2, 12))],
  ])('the log is begun anew when %s', (_why, frame) => {
    const cursor = new Cursor()
    cursor.take(hello(1, 5, range(1, 5)))
    const taken = cursor.take(frame)
    expect(taken.reset).toBe(true)
    expect(numbers(taken.events)).toEqual(numbers(frame.ev!))
    expect(cursor.query).toBe(`?after=${frame.seq}&epoch=${frame.epoch}`)
  })

  test('events of another epoch without a hello are not mixed in', () => {
    const cursor = new Cursor()
    cursor.take(hello(1, 5, []))
    const taken = cursor.take(live([title(6)], 2))
    expect(taken).toMatchObject({ events: [], lost: true })
    expect(cursor.last).toBe(5)
  })
})
