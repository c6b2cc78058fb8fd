import { describe, expect, test } from 'vitest'
import { energies, heed, levelOf, silent } from '../src/lib/media/speaking'
import { arrange, crops, placed, type Rect } from '../src/lib/rooms/arrange'
import { staged, type StageState } from '../src/lib/rooms/stage'
import type { Layout, Seat, StageEvent } from '../src/lib/rooms/wire'

const [desk, phone] = [1080 / 836, 390 / 440]

describe('the layout of a stage', () => {
  const layouts: Layout[] = ['solo', 'split', 'grid', 'spotlight']
  const crowds = [[0], [0, 2], [0, 1, 3], [0, 1, 2, 3]]
  const inside = ({ x, y, w, h }: Rect) => x >= -1e-9 && y >= -1e-9 && w > 0 && h > 0 && x + w <= 1 + 1e-9 && y + h <= 1 + 1e-9
  const apart = (a: Rect, b: Rect) => a.x + a.w <= b.x + 1e-9 || b.x + b.w <= a.x + 1e-9 || a.y + a.h <= b.y + 1e-9 || b.y + b.h <= a.y + 1e-9

  test.each([desk, phone, 16 / 9, 1, 0.46, 2.4])('in a box of %f is inside it and nobody covers anybody', (aspect) => {
    for (const layout of layouts) {
      for (const seats of crowds) {
        for (const focus of [null, ...seats]) {
          const rects = arrange(seats, layout, focus, aspect)
          expect([...rects.keys()].sort()).toEqual(layout === 'solo' ? [focus ?? 0] : seats)
          const list = [...rects.values()]
          expect(list.every(inside)).toBe(true)
          expect(list.every((rect, i) => list.slice(i + 1).every((other) => apart(rect, other)))).toBe(true)
        }
      }
    }
  })
  test('one alone has the whole box, in every layout', () => {
    for (const layout of layouts) expect(placed(arrange([0], layout, null, desk).get(0))).toBe('')
  })
  test('two are side by side on a desk, one over the other on a phone held upright', () => {
    const [a, b] = [...arrange([0, 1], 'split', null, desk).values()] as [Rect, Rect]
    expect([a.y, a.x < b.x]).toEqual([b.y, true])
    const [c, d] = [...arrange([0, 1], 'grid', null, phone).values()] as [Rect, Rect]
    expect([c.x, c.y < d.y]).toEqual([d.x, true])
  })
  test('pictures held upright stand side by side there too', () => {
    const [a, b] = [...arrange([0, 1], 'split', null, phone, 9 / 16).values()] as [Rect, Rect]
    expect([a.y, a.h, b.x]).toEqual([b.y, 1, 0.5])
  })
  test('of three and in the spotlight, the focus is the largest', () => {
    for (const layout of ['grid', 'spotlight'] as const) {
      for (const aspect of [desk, phone, 1.78]) {
        const rects = arrange([0, 1, 2], layout, 2, aspect)
        const area = ({ w, h }: Rect) => w * h
        expect(Math.max(...[...rects.values()].map(area))).toBe(area(rects.get(2)!))
      }
    }
  })
  test('a focus that has left is the host’s again', () => {
    expect([...arrange([0, 1], 'solo', 3, desk).keys()]).toEqual([0])
    expect(arrange([], 'grid', 0, desk).size).toBe(0)
  })
  test('who is not drawn is still there to be heard', () => expect(placed(undefined)).toContain('opacity:0'))
  test('a picture is cropped to a tile of about its shape, not to a sliver', () => {
    const half: Rect = { x: 0, y: 0, w: 1, h: 0.5 }
    expect(crops(half, phone, 16 / 9)).toBe(true)
    expect(crops(half, phone, 9 / 16)).toBe(false)
    expect(crops({ ...half, h: 1 }, desk, 1)).toBe(false)
  })
})

describe('what the log tells of the stage', () => {
  const who = (id: string) => ({ id, name: id, kind: 'person' as const })
  const seat = (n: number, id: string): Seat => ({ seat: n, who: who(id), muted: false, hidden: false, on_air: true })
  const event = (what: object): StageEvent => ({ n: 1, at: '', ...what }) as StageEvent
  const empty: StageState = { layout: 'grid', focus: null, seats: [seat(0, 'host')], seats_max: 4, mine: null, waiting: null, hangout: null }

  test('the latest picture of the stage holds, and touches nothing else', () => {
    const before = { ...empty, mine: { state: 'asked' as const, seat: null } }
    const after = staged(before, event({ type: 'stage', layout: 'split', seats: [seat(0, 'host'), seat(1, 'ana')] }))
    expect(after).toEqual({ ...before, layout: 'split', focus: null, seats: [seat(0, 'host'), seat(1, 'ana')] })
  })
  test('who waits is for those on stage', () => {
    expect(staged(empty, event({ type: 'stage_waiting', asked: [who('ana')], invited: [] })).waiting).toEqual({ asked: [who('ana')], invited: [] })
  })
  test('one’s own way: asked, on, removed', () => {
    const asked = staged(empty, event({ type: 'stage_mine', state: 'asked' }))
    expect(asked.mine).toEqual({ state: 'asked', seat: null })
    const on = staged(asked, event({ type: 'stage_mine', state: 'on', seat: 2, why: 'admitted' }))
    expect([on.mine, on.why]).toEqual([{ state: 'on', seat: 2 }, 'admitted'])
    const off = staged(on, event({ type: 'stage_mine', state: 'none', why: 'removed' }))
    expect([off.mine, off.why]).toEqual([null, 'removed'])
  })
})

describe('who is speaking', () => {
  const report = (energy: number, seconds: number) =>
    new Map<string, Record<string, unknown>>([
      ['a', { type: 'inbound-rtp', kind: 'audio', trackIdentifier: 'ana', totalAudioEnergy: energy, totalSamplesDuration: seconds }],
      ['v', { type: 'inbound-rtp', kind: 'video', trackIdentifier: 'pic', totalAudioEnergy: 9, totalSamplesDuration: 1 }],
    ])
  const say = (levels: number[]) => levels.reduce((voices, level) => [...voices, heed(voices.at(-1)!, level)], [silent]).map((voice) => voice.on)

  test('is heard between two reports', () => {
    const [before, now] = [energies(report(1, 10)), energies(report(1.015, 10.15))]
    expect([...now.keys()]).toEqual(['ana'])
    // A mean square of 0.1 is −10 dB.
    expect(levelOf('ana', now, before)).toBeCloseTo(50 / 60, 2)
    expect(levelOf('ana', now, now)).toBe(0)
    expect(levelOf('ben', now, before)).toBe(0)
  })
  test('is seen within two syllables, through a pause between words, and no longer', () => {
    expect(say([0.7, 0.7]).at(-1)).toBe(true)
    expect(say([0.7, 0.7, 0.7, 0, 0]).at(-1)).toBe(true)
    expect(say([0.7, 0.7, 0.7, ...Array<number>(8).fill(0)]).at(-1)).toBe(false)
  })
  test('is nobody in a quiet room, nor at a single knock', () => {
    expect(say(Array<number>(20).fill(0.25))).not.toContain(true)
    expect(say([0.6, 0, 0])).not.toContain(true)
  })
})
