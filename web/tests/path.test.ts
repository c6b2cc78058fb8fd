import { describe, expect, test } from 'vitest'
import { againMs, first, patienceMs, step, type PathEvent, type PathState, type Wish } from '../src/lib/media/path'

const opened: PathEvent = { is: 'opened' }
const absent: PathEvent = { is: 'absent' }
const found: PathEvent = { is: 'found' }
const lost: PathEvent = { is: 'lost' }
const full: PathEvent = { is: 'refused', why: 'full' }
const hlsOnly: PathEvent = { is: 'refused', why: 'hls_only' }
const whepMoves: PathEvent = { is: 'moves', path: 'whep' }
const hlsMoves: PathEvent = { is: 'moves', path: 'hls' }
const tick: PathEvent = { is: 'tick', due: true }
const unseen: PathEvent = { is: 'tick', due: false }
const broken = (forever = false): PathEvent => ({ is: 'broken', forever })
const choose = (wish: Wish): PathEvent => ({ is: 'choose', wish })

/** Events at the times given, from the beginning or from a state. */
function after(story: [atMs: number, event: PathEvent][], from: PathState = first): PathState {
  return story.reduce((now, [atMs, event]) => step(now, event, atMs), from)
}
const late = after([[0, opened], [patienceMs, tick]])
const onHls = after([[3_100, found], [3_900, hlsMoves]], late)
const fullOnHls = after([[0, opened], [50, full], [100, found], [900, hlsMoves]])
const chosenOnHls = after([[0, opened], [200, whepMoves], [5_000, choose('hls')], [5_200, found], [6_000, hlsMoves]])

describe('WHEP comes first', () => {
  test('and stays alone while its picture comes in time', () => {
    const now = after([[0, opened], [2_900, whepMoves], [3_000, tick], [90_000, tick]])
    expect(now).toEqual(first)
  })
  test('HLS joins when no picture has come within 3 s', () => {
    expect(after([[0, opened], [2_999, tick]])).toMatchObject({ hls: false })
    expect(late).toMatchObject({ shown: 'whep', whep: true, hls: true, why: 'late' })
  })
  test('another try does not begin the 3 s anew', () => {
    expect(after([[0, opened], [2_000, opened], [3_000, tick]]).hls).toBe(true)
  })
  test.each([
    ['the server is not reached, or no camera is on air', absent, false],
    ['the page is not seen, or the room pauses', unseen, false],
    ['nothing happens', tick, true],
  ])('3 s count while a picture is owed: %s', (_why, event, joins) => {
    expect(after([[0, opened], [2_900, event], [3_100, tick]]).hls).toBe(joins)
  })
  test('a picture that breaks later has 3 s to come back', () => {
    const now = after([[0, opened], [500, whepMoves], [60_000, opened], [63_000, tick]])
    expect(now).toMatchObject({ hls: true, why: 'late' })
  })
})

describe('until HLS moves, WHEP goes on', () => {
  test('late: whichever moves first has the screen', () => {
    expect(after([[3_100, whepMoves]], late)).toEqual(first)
    expect(after([[3_100, found], [3_200, whepMoves]], late)).toEqual(first)
    expect(onHls).toMatchObject({ shown: 'hls', whep: false, hls: true, steady: true })
  })
  test('full: a place may come free before there is a playlist', () => {
    const now = after([[0, opened], [50, full], [60, lost]])
    expect(now).toMatchObject({ shown: 'whep', whep: true, hls: true, why: 'full' })
    expect(after([[900, opened], [1_000, whepMoves]], now)).toEqual(first)
    expect(fullOnHls).toMatchObject({ shown: 'hls', whep: false, why: 'full', againAt: null })
  })
  test('not where the source cannot be watched by it', () => {
    expect(after([[0, opened], [50, hlsOnly]])).toMatchObject({ shown: 'hls', whep: false, hls: true, why: 'hls_only' })
  })
  test('what HLS showed has run out: both are tried', () => {
    expect(after([[20_000, lost]], onHls)).toMatchObject({ whep: true, hls: true, steady: false })
    expect(after([[20_000, lost], [20_400, opened], [20_600, whepMoves]], onHls)).toEqual(first)
    expect(after([[20_000, lost]], chosenOnHls)).toMatchObject({ whep: false, hls: true })
  })
})

describe('on HLS', () => {
  const again = 3_900 + againMs
  test('WHEP is tried again by itself after 60 s when it was late, and only on a page that is seen', () => {
    expect(after([[again - 1, tick]], onHls).whep).toBe(false)
    expect(after([[again, unseen]], onHls).whep).toBe(false)
    expect(after([[again, tick]], onHls)).toMatchObject({ shown: 'hls', hls: true, steady: true, whep: true })
    for (const state of [fullOnHls, chosenOnHls]) expect(after([[1_000_000, tick]], state)).toBe(state)
  })
  test.each([
    ['no picture comes', [[again, opened], [again + patienceMs, tick]], 'late'],
    ['nobody answers', [[again, opened], [again + 90, absent]], 'late'],
    ['the room is full', [[again, opened], [again + 90, full]], 'full'],
  ] as [string, [number, PathEvent][], string][])('a try that fails leaves the picture alone: %s', (_why, events, why) => {
    const now = after([[again, tick], ...events], onHls)
    expect(now).toMatchObject({ shown: 'hls', hls: true, steady: true, whep: false, why })
    expect(now.againAt !== null).toBe(why === 'late')
  })
  test('a try that succeeds takes the screen', () => {
    expect(after([[again, tick], [again, opened], [again + 300, whepMoves]], onHls)).toEqual(first)
  })
})

describe('the viewer chooses', () => {
  test('stable: WHEP plays until the playlist is found, then rests for good', () => {
    const waiting = after([[0, opened], [200, whepMoves], [5_000, choose('hls')], [5_100, whepMoves]])
    expect(waiting).toMatchObject({ shown: 'whep', whep: true, hls: true, why: 'chosen' })
    expect(after([[5_200, found]], waiting)).toMatchObject({ shown: 'hls', whep: false })
    expect(after([[5_300, choose('auto')]], waiting)).toEqual(first)
  })
  test.each([
    ['chosen stable, then real time', chosenOnHls, 'whep'],
    ['chosen stable, then auto', chosenOnHls, 'auto'],
    ['full, then real time', fullOnHls, 'whep'],
    ['late, then real time', onHls, 'whep'],
  ] as [string, PathState, Wish][])('%s: WHEP is tried beside the moving picture', (_what, from, wish) => {
    const trying = after([[30_000, choose(wish)], [30_000, opened]], from)
    expect(trying).toMatchObject({ shown: 'hls', steady: true, whep: true, wish })
    expect(after([[30_200, whepMoves]], trying)).toEqual({ ...first, wish })
    expect(after([[33_000, tick]], trying)).toMatchObject({ shown: 'hls', steady: true, whep: false, wish: 'auto', why: 'late' })
    expect(after([[30_100, full]], trying)).toMatchObject({ shown: 'hls', steady: true, whep: false, wish: 'auto', why: 'full' })
  })
  test('auto where HLS was not chosen changes nothing else', () => {
    expect(after([[9_000, choose('auto')]], fullOnHls)).toBe(fullOnHls)
  })
})

describe('HLS that cannot be played', () => {
  test('gives the screen back to WHEP, and is not fallen back to for a minute', () => {
    const now = after([[10_000, broken()], [10_000, opened]], onHls)
    expect(now).toMatchObject({ shown: 'whep', whep: true, hls: false })
    expect(after([[20_000, tick]], now).hls).toBe(false)
    expect(after([[20_000, full]], now).hls).toBe(false)
    expect(after([[10_000 + againMs, tick]], now)).toMatchObject({ hls: true, why: 'late' })
  })
  test('is left for good where it never can, chosen or not', () => {
    const now = after([[5_300, broken(true)], [5_300, opened]], chosenOnHls)
    expect(now).toMatchObject({ wish: 'auto', shown: 'whep', whep: true, hls: false })
    expect(after([[9e9, tick], [9e9, hlsOnly], [9e9, choose('hls')]], now).hls).toBe(false)
  })
})

test('whatever happens: one is tried, and what has the screen is tried', () => {
  const events = [opened, absent, found, lost, full, hlsOnly, whepMoves, hlsMoves, tick, tick, unseen, broken(), choose('auto'), choose('whep'), choose('hls')]
  let seed = 7
  const random = (n: number) => (seed = (seed * 48_271) % 2_147_483_647) % n
  let now = first
  for (let i = 0, atMs = 0; i < 5_000; i++) {
    const event = events[random(events.length)]!
    now = step(now, event, (atMs += random(4_000)))
    const told = `${i}: ${JSON.stringify(event)} → ${JSON.stringify(now)}`
    expect(now.shown === 'hls' ? now.hls : now.whep, told).toBe(true)
    expect(now.steady && now.shown !== 'hls', told).toBe(false)
    expect(now.hls, told).toBe(now.why !== null)
    if (now.wish === 'hls' && now.shown === 'hls') expect(now.whep, told).toBe(false)
  }
})
