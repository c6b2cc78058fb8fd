import { describe, expect, test } from 'vitest'
import { deedOf } from '../src/lib/media/keys'
import { windowMs } from '../src/lib/money/streaks'
import { cut, parseTime, suggested } from '../src/lib/rooms/clip'
import type { Placed } from '../src/lib/rooms/replay'
import { at, given, opening, type Scene } from '../src/lib/rooms/timeline'
import type { RoomEvent } from '../src/lib/rooms/wire'

const from = { id: 'v', name: 'Vera', kind: 'person' as const }
let n = 0
const placed = (position_ms: number, event: object): Placed => ({ position_ms, event: { n: ++n, at: '', ...event } as RoomEvent })
const said = (ms: number, id: string) => placed(ms, { type: 'said', id, from, text: id })
const rose = (ms: number, id: string, count: number) =>
  placed(ms, { type: 'gift', id, from, kind: 'rose', count: 1, price: 5, total: 5, streak: { id: 's', count } })
const log = [said(0, 'a'), said(1_000, 'b'), rose(2_000, 'g1', 1), placed(2_500, { type: 'deleted', message: 'b', by: 'v' }), rose(3_000, 'g2', 2), placed(4_000, { type: 'title', title: 'Second set' }), said(60_000, 'c')]
const texts = (scene: Scene) => scene.lines.map((line) => (line.kind === 'gift' ? `rose ×${line.gift!.count}` : line.state === 'deleted' ? 'removed' : line.text))

describe('a room’s log at a moment of its replay', () => {
  test.each([
    [0, ['a']],
    [999, ['a']],
    [1_000, ['a', 'b']],
    [2_100, ['a', 'b', 'rose ×1']],
    [2_600, ['a', 'removed', 'rose ×1']],
    [10_000, ['a', 'removed', 'rose ×2']],
    [60_000, ['a', 'removed', 'rose ×2', 'c']],
  ])('at %i ms it has told %j', (ms, lines) => expect(texts(at(opening, log, ms))).toEqual(lines))

  test('is the same whether watched or jumped to', () => {
    let watched = opening
    for (let ms = 0; ms <= 7_000; ms += 250) {
      watched = at(watched, log, ms)
      expect(watched).toEqual(at(opening, log, ms))
    }
  })
  test('goes back', () => {
    const end = at(opening, log, 60_000)
    expect(at(end, log, 1_500)).toEqual(at(opening, log, 1_500))
  })
  test('a gift’s banner grows, and is gone after its time', () => {
    expect(at(opening, log, 3_500).banners).toMatchObject([{ kind: 'rose', count: 2 }])
    expect(at(opening, log, 3_000 + windowMs).banners).toEqual([])
  })
  test('a title holds from when it was given', () => {
    expect([at(opening, log, 3_999).title, at(opening, log, 4_000).title]).toEqual([null, 'Second set'])
  })
  test('a log that is still being read takes up where it was', () => {
    const short = at(opening, log.slice(0, 2), 10_000)
    expect(at(short, log, 10_000)).toEqual(at(opening, log, 10_000))
  })
  test('gifts are celebrated when watched, not when jumped over', () => {
    const two = at(opening, log, 1_500)
    expect(given(two, at(two, log, 2_200), log).map((gift) => gift.id)).toEqual(['g1'])
    expect(given(two, at(two, log, 50_000), log)).toEqual([])
    const end = at(opening, log, 50_000)
    expect(given(end, at(end, log, 2_200), log)).toEqual([])
  })
})

describe('the times of a clip', () => {
  test.each([['75', 75], ['1:15', 75], ['0:01:15', 75], ['1:00:00', 3600], ['', null], ['1:60', null], ['1:2:3:4', null], ['-1', null], ['1.5', null], ['ab', null]])(
    '%j is %j seconds', (text, seconds) => expect(parseTime(text)).toBe(seconds))
  test.each([
    ['0:10', '0:40', 90_500, { fromMs: 10_000, toMs: 40_000 }],
    ['1:00', '1:31', 90_500, { fromMs: 60_000, toMs: 90_500 }],
    ['1:00', '1:32', 90_500, 'beyond'],
    ['0:40', '0:40', 90_500, 'order'],
    ['x', '0:40', 90_500, 'form'],
    ['0', '600', 3_600_000, { fromMs: 0, toMs: 600_000 }],
    ['0', '601', 3_600_000, 'long'],
  ])('%s to %s of %i ms: %j', (a, b, duration, wanted) => expect(cut(a, b, duration)).toEqual(wanted))
  test('what is suggested is never refused', () => {
    for (const [s, ms] of [[0, 500], [0, 20_000], [12.7, 90_500], [90, 90_500], [3599, 3_600_000]] as const) {
      const { from, to } = suggested(s, ms)
      expect(cut(from, to, ms), `${s} of ${ms}`).toBeTypeOf('object')
    }
  })
})

describe('the keys of a player', () => {
  const key = (key: string, ctrlKey = false) => ({ key, ctrlKey, metaKey: false, altKey: false })
  test.each([
    [' ', 'page', 'toggle'],
    [' ', 'button', null],
    ['M', 'button', 'mute'],
    ['ArrowLeft', 'list', 'back'],
    ['ArrowUp', 'list', null],
    ['f', 'field', null],
    ['x', 'page', null],
  ] as const)('%j on a %s: %s', (pressed, on, deed) => expect(deedOf(key(pressed), on)).toBe(deed))
  test('a browser’s own shortcuts stay its own', () => expect(deedOf(key('f', true), 'page')).toBeNull())
})
