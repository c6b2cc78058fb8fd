import { describe, expect, test } from 'vitest'
import { tapped } from '../src/lib/money/combo'
import { expired, grown, lingerMs, shownMax, windowMs, type Banner } from '../src/lib/money/streaks'
import type { GiftEvent } from '../src/lib/rooms/wire'

const gift = (streak: string | null, count: number, total = 5): GiftEvent => ({
  n: 1,
  at: '',
  type: 'gift',
  id: `g-${streak ?? count}`,
  from: { id: 'v', name: 'V', kind: 'person' },
  kind: 'rose',
  count: 1,
  price: 5,
  streak: streak === null ? null : { id: streak, count },
  total,
})

describe('gift banners', () => {
  test('a streak is one banner that counts up and stays while it grows', () => {
    let banners = grown([], gift('s', 1), 0)
    banners = grown(banners, gift('s', 2), 3000)
    expect(banners).toMatchObject([{ id: 's', count: 2, coins: 10, until: 3000 + windowMs }])
    expect(expired(banners, windowMs)).toHaveLength(1)
    expect(expired(banners, 3000 + windowMs)).toHaveLength(0)
  })

  test('events out of order never count down', () => {
    const banners = grown(grown([], gift('s', 3), 0), gift('s', 2), 1)
    expect(banners[0]!.count).toBe(3)
  })

  test('two people’s streaks do not mix, and a gift without one is its own', () => {
    const banners = [gift('a', 1), gift('b', 1), gift(null, 1)].reduce<Banner[]>((all, each) => grown(all, each, 0), [])
    expect(banners.map((banner) => banner.id)).toEqual(['a', 'b', 'g-1'])
  })

  test('who waits for a place is not gone before it was seen', () => {
    let banners: Banner[] = []
    for (let i = 0; i <= shownMax; i++) banners = grown(banners, gift(`s${i}`, 1), i === shownMax ? 0 : 10)
    banners = expired(banners, windowMs + 10)
    expect(banners.map((banner) => banner.id)).toEqual([`s${shownMax}`])
    expect(banners[0]!.until).toBe(windowMs + 10 + lingerMs)
  })

  test('a flood is bounded', () => {
    let banners: Banner[] = []
    for (let i = 0; i < 500; i++) banners = grown(banners, gift(`s${i}`, 1), 0)
    expect(banners.length).toBeLessThan(50)
  })
})

describe('the combo under one’s own finger', () => {
  test('the same streakable gift within the window counts up', () => {
    const one = tapped(null, 'rose', true, 0)
    expect(tapped(one, 'rose', true, windowMs)).toMatchObject({ count: 2 })
  })
  test.each([
    ['too late', 'rose', true, windowMs + 1],
    ['another gift', 'heart', true, 10],
    ['not streakable', 'rose', false, 10],
  ])('%s begins at one', (_why, kind, streakable, now) => {
    expect(tapped(tapped(null, 'rose', true, 0), kind, streakable, now).count).toBe(1)
  })
})
