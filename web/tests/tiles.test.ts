import { afterEach, describe, expect, test, vi } from 'vitest'
import { heights, Teller, type Shown } from '../src/lib/media/tiles'
import { guestsSeen } from '../src/lib/rooms/stage'
import type { Layout, Seat } from '../src/lib/rooms/wire'

const seat = (n: number, change: Partial<Seat> = {}): Seat => ({ seat: n, who: { id: String(n), name: String(n), kind: 'person' }, muted: false, hidden: false, on_air: true, ...change })
const shown = (change: Partial<Shown> & { layout?: Layout; focus?: number; seats?: Seat[] }): Shown => ({
  stage: { layout: change.layout ?? 'split', focus: change.focus ?? null, seats: change.seats ?? [seat(0), seat(1)] },
  box: { w: 1280, h: 720 },
  aspect: 16 / 9,
  own: null,
  pixelRatio: 1,
  visible: true,
  ...change,
})

describe('how high everybody is on the screen', () => {
  test('one alone has the box, in the screen’s own pixels', () => {
    expect(heights(shown({ stage: null }))).toEqual([720, 0, 0, 0])
    expect(heights(shown({ stage: null, box: { w: 390, h: 219 }, pixelRatio: 3 }))).toEqual([657, 0, 0, 0])
    expect(heights(shown({ seats: [seat(0)], box: { w: 320, h: 600 } }))).toEqual([180, 0, 0, 0])
  })
  test('two side by side are cropped, so both are as high as the box', () => {
    expect(heights(shown({}))).toEqual([720, 720, 0, 0])
  })
  test('the one in the spotlight is large, the others are small', () => {
    const [a, b, c] = heights(shown({ layout: 'spotlight', focus: 1, seats: [seat(0), seat(1), seat(3)] }))
    expect([a! < 260, b! > 500, c]).toEqual([true, true, 0])
  })
  test('who is not seen is nothing: in solo, hidden, or shown from their own camera', () => {
    expect(heights(shown({ layout: 'solo', focus: 1 }))).toEqual([0, 720, 0, 0])
    expect(heights(shown({ seats: [seat(0), seat(1, { hidden: true })] }))[1]).toBe(0)
    expect(heights(shown({ own: 0 }))[0]).toBe(0)
  })
  test('a page that is not looked at shows nobody', () => expect(heights(shown({ visible: false }))).toEqual([0, 0, 0, 0]))
})

describe('telling it', () => {
  afterEach(() => vi.unstubAllGlobals())
  test('waits for the layout to come to rest, says each thing once, and anew to a new session', async () => {
    vi.useFakeTimers()
    const sent: [string, string][] = []
    vi.stubGlobal('fetch', (url: string, { body }: { body: string }) => (sent.push([url, body]), Promise.resolve()))
    let session: string | null = '/webrtc/a'
    const teller = new Teller(() => session)
    teller.tell([1, 0, 0, 0], false)
    vi.advanceTimersByTime(200)
    teller.tell([2, 0, 0, 0], false)
    vi.advanceTimersByTime(299)
    expect(sent).toEqual([])
    vi.advanceTimersByTime(1)
    teller.tell([2, 0, 0, 0], true)
    vi.advanceTimersByTime(1)
    expect(sent).toEqual([['/webrtc/a/tiles', '{"heights":[2,0,0,0]}']])
    session = '/webrtc/b'
    teller.tell([2, 0, 0, 0], true)
    vi.advanceTimersByTime(1)
    session = null
    teller.tell([3, 0, 0, 0], true)
    vi.advanceTimersByTime(1)
    expect(sent.map(([url]) => url)).toEqual(['/webrtc/a/tiles', '/webrtc/b/tiles'])
    vi.useRealTimers()
  })
})

describe('whether guests go on without the host', () => {
  test.each([
    ['split', null, true, true],
    ['split', null, false, false],
    ['solo', null, true, false],
    ['solo', 1, true, true],
  ] as const)('in %s with focus %s and a guest on air %s: %s', (layout, focus, on_air, yes) =>
    expect(guestsSeen({ layout, focus, seats: [seat(0), seat(1, { on_air })] })).toBe(yes))
})
