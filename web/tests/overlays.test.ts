/** Overlays, as values: the queue of alerts, the words of an alert, the chat, and colours. */
import { describe, expect, test } from 'vitest'
import type { RoomEvent, Speaker } from '../src/lib/api'
import { alertOf, arrived, empty, passed, waitingMax, type Alert, type Queue } from '../src/lib/overlays/alerts'
import { heard, lasting, type Line } from '../src/lib/overlays/lines'
import { kinds, plain, places, tint } from '../src/lib/overlays/look'
import { filled } from '../src/lib/overlays/template'
import { templateOf } from '../src/lib/overlays/words'

const look = plain('alerts').alerts!
const lastsMs = 6_000
const from: Speaker = { id: 'ana', name: 'Ana', kind: 'person' }
const event = (n: number, what: object): RoomEvent => ({ n, at: '2026-01-01T00:00:00Z', from, ...what }) as RoomEvent
const gift = (n: number, streak: string | null, count: number, more: object = {}): RoomEvent =>
  event(n, { type: 'gift', id: `g${n}`, kind: 'rose', count: 1, price: 5, total: 5, streak: streak ? { id: streak, count } : null, ...more })

const told = (queue: Queue, happened: RoomEvent, now: number, own = look): Queue => {
  const alert = alertOf(happened, own)
  return alert ? arrived(queue, alert, now, lastsMs) : queue
}
const waits = (queue: Queue): string[] => queue.waiting.map(({ id }) => id)

describe('the queue of alerts', () => {
  test('shows one at a time, in their order, with a pause between', () => {
    let queue = told(empty, gift(1, null, 1), 0)
    queue = told(queue, event(2, { type: 'badge', hearts: 2 }), 10)
    queue = told(queue, event(3, { type: 'subscription', tier: 1, months: 3 }), 20)
    queue = told(queue, event(4, { type: 'subscription_gift', tier: 1, to: [from, from] }), 30)
    queue = told(queue, event(5, { type: 'ticket', stage: false }), 40)
    expect(queue.shown?.id).toBe('gift-g1')
    expect(waits(queue)).toEqual(['badge-2', 'subscription-3', 'given-4', 'ticket-5'])
    const seen: string[] = []
    let both = 0
    for (let now = 50; now < 40_000; now += 50) {
      const before = queue.shown
      queue = passed(queue, now, lastsMs)
      if (before && queue.shown && before.id !== queue.shown.id) both += 1
      if (queue.shown && seen.at(-1) !== queue.shown.id) seen.push(queue.shown.id)
    }
    expect(seen).toEqual(['gift-g1', 'badge-2', 'subscription-3', 'given-4', 'ticket-5'])
    expect(both, 'one leaves before the next comes').toBe(0)
    expect(queue).toMatchObject({ shown: null, waiting: [] })
  })

  test('an alert stays for its time, whatever comes meanwhile', () => {
    let queue = told(empty, gift(1, null, 1), 0)
    for (let n = 2; n < 9; n++) queue = told(queue, gift(n, null, 1), n * 100)
    expect(passed(queue, lastsMs - 1, lastsMs).shown?.id).toBe('gift-g1')
    const paused = passed(queue, lastsMs, lastsMs)
    expect(paused.shown).toBeNull()
    expect(passed(paused, lastsMs + 400, lastsMs).shown, 'a pause').toBeNull()
    expect(passed(paused, lastsMs + 500, lastsMs).shown).toMatchObject({ id: 'gift-g2', until: 2 * lastsMs + 500 })
  })

  test('a streak is one alert that counts up and stays as long as it grows', () => {
    let queue = told(empty, gift(1, 's', 1), 0)
    queue = told(queue, gift(2, 's', 2), 4_000)
    queue = told(queue, gift(3, 's', 3), 8_000)
    expect(queue).toMatchObject({ shown: { id: 'gift-s', count: 3, coins: 15, since: 0, until: 8_000 + lastsMs }, waiting: [] })
    queue = told(queue, gift(2, 's', 2), 8_100)
    expect(queue.shown, 'it never counts down').toMatchObject({ count: 3, coins: 15 })
  })

  test('a streak that waits grows in its place', () => {
    let queue = told(empty, gift(1, null, 1), 0)
    queue = told(queue, gift(2, 's', 1), 10)
    queue = told(queue, gift(3, null, 1), 20)
    queue = told(queue, gift(4, 's', 7), 30)
    expect(waits(queue)).toEqual(['gift-s', 'gift-g3'])
    expect(queue.waiting[0]).toMatchObject({ count: 7, coins: 35 })
  })

  test('a streak without an end gives way to the others', () => {
    let queue = told(empty, gift(1, 's', 1), 0)
    queue = told(queue, event(2, { type: 'badge', hearts: 1 }), 10)
    let gaveWay = 0
    for (let now = 100, count = 2; now < 60_000; now += 100, count++) {
      queue = passed(told(queue, gift(count, 's', count), now), now, lastsMs)
      if (!gaveWay && queue.shown?.kind === 'badge') gaveWay = now
    }
    expect(gaveWay).toBeGreaterThan(lastsMs)
    expect(gaveWay).toBeLessThanOrEqual(4 * lastsMs + 1_000)
  })

  test('is bounded: the cheapest gifts are left out, the latest first', () => {
    let queue = told(empty, gift(1, null, 1), 0)
    for (let n = 2; n < 500; n++) queue = told(queue, gift(n, null, 1, n === 400 ? { price: 999, total: 999 } : {}), 1)
    queue = told(queue, event(600, { type: 'subscription', tier: 1, months: 1 }), 1)
    expect(queue.waiting).toHaveLength(waitingMax)
    expect(waits(queue).slice(0, 2)).toEqual(['gift-g2', 'gift-g3'])
    expect(waits(queue).slice(-2)).toEqual(['gift-g400', 'subscription-600'])
    for (let n = 700; n < 900; n++) queue = told(queue, event(n, { type: 'subscription', tier: 1, months: 1 }), 1)
    expect(queue.waiting).toHaveLength(waitingMax)
    expect(waits(queue).at(-1)).toBe('subscription-899')
  })

  test('leaves out what is switched off, and gifts below the least', () => {
    const own = { ...look, gift_coins_min: 20, badge: { on: false, text: null } }
    expect(alertOf(gift(1, 's', 3), own)).toBeNull()
    expect(alertOf(gift(2, 's', 4), own), 'a streak counts together').toMatchObject({ count: 4, coins: 20 })
    expect(alertOf(event(3, { type: 'badge', hearts: 1 }), own)).toBeNull()
    expect(alertOf(event(4, { type: 'ticket', stage: true }), own)).toMatchObject({ kind: 'ticket' })
    for (const type of ['said', 'held', 'raid', 'something_new', 'room_state']) expect(alertOf(event(5, { type }), own)).toBeNull()
  })
})

describe('the words of an alert', () => {
  const values = { name: '<b>{coins}</b>', coins: '5', gift: 'Rose' }
  const text = (template: string) => filled(template, values).map((piece) => piece.text).join('')

  test('are filled once, as text', () => {
    expect(text('{name} sent {gift}!')).toBe('<b>{coins}</b> sent Rose!')
    expect(filled('{name}', values)).toEqual([{ text: '<b>{coins}</b>', of: 'name' }])
  })
  test('keep what is no placeholder', () => {
    expect(text('{} {nobody} {constructor} { name }')).toBe('{} {nobody} {constructor} { name }')
  })
  test('are the channel’s own where it has any', () => {
    const alert: Alert = { id: 'x', kind: 'subscription_gift', name: 'Ana', count: 2, coins: 0, gift: '', hearts: 0, months: 0, tier: 1 }
    expect(templateOf(alert, null)).toBe('{name} gave {count} subscriptions')
    expect(templateOf({ ...alert, count: 1 }, null)).toBe('{name} gave a subscription')
    expect(templateOf(alert, 'Thanks, {name}')).toBe('Thanks, {name}')
  })
})

describe('the chat', () => {
  const said = (n: number, who = 'ana'): RoomEvent => event(n, { type: 'said', id: `m${n}`, text: `${n}`, from: { ...from, id: who } })
  const after = (events: RoomEvent[], max = 3): string[] => events.reduce<readonly Line[]>((lines, each) => heard(lines, each, each.n * 1000, max), []).map(({ id }) => id)

  test('keeps the last of it, each message once', () => {
    expect(after([said(1), said(2), said(3), said(2), said(4)])).toEqual(['m2', 'm3', 'm4'])
  })
  test('leaves no trace of what is taken away', () => {
    expect(after([said(1), said(2), event(3, { type: 'deleted', message: 'm1', by: 'x' })])).toEqual(['m2'])
    expect(after([said(1), said(2, 'bo'), said(3), event(4, { type: 'cleared', person: 'ana', by: 'x' })])).toEqual(['m2'])
  })
  test('passes over what it does not know', () => {
    expect(after([said(1), event(2, { type: 'something_new' }), event(3, { type: 'removed' })])).toEqual(['m1'])
  })
  test('lets messages go after their time, if they have one', () => {
    const lines = [1, 2].reduce<readonly Line[]>((all, n) => heard(all, said(n), n * 1000, 9), [])
    expect(lasting(lines, 11_000, 10).map(({ id }) => id)).toEqual(['m2'])
    expect(lasting(lines, 10_999, 10)).toBe(lines)
    expect(lasting(lines, 1e9, 0)).toBe(lines)
  })
})

describe('looks', () => {
  test('a colour is a colour and nothing else', () => {
    expect(tint('#ff8000', 50)).toBe('rgb(255 128 0 / 50%)')
    for (const text of ['red', '#fff', '#12345g', 'url(//x)', '#000000;x']) expect(tint(text, 50)).toBe('transparent')
  })
  test('there are nine places, and alerts and chat have their own settings', () => {
    expect(new Set(places).size).toBe(9)
    expect(kinds.map((kind) => [!!plain(kind).alerts, !!plain(kind).chat])).toEqual([[true, false], [false, false], [false, true], [false, false]])
  })
})
