import { describe, expect, test, vi } from 'vitest'
import { Problem, problemOf } from '../src/lib/api/client'
import { uuidv7 } from '../src/lib/api/uuid'
import { clockTime, dayTime, money, number } from '../src/lib/i18n/format'
import { elapsed } from '../src/lib/i18n/span'
import { span } from '../src/lib/i18n/span'
import { pickLang } from '../src/lib/i18n/index.svelte'
import { behindS } from '../src/lib/media/behind'
import { loudness } from '../src/lib/media/loudness'
import { Watchdog } from '../src/lib/media/watchdog'
import { parseAmount, typedAmount } from '../src/lib/money/amounts'
import { bits, placeOf } from '../src/lib/money/particles'
import { backoffMs } from '../src/lib/rooms/backoff'
import { hueOf } from '../src/lib/ui/hue'

describe('uuidv7 (RFC 9562)', () => {
  test('carries the milliseconds, the version and the variant', () => {
    // The example of RFC 9562, appendix A.6.
    const random = Uint8Array.from([0, 0, 0, 0, 0, 0, 0x0c, 0xc3, 0x18, 0xc4, 0xdc, 0x0c, 0x0c, 0x07, 0x39, 0x8f])
    expect(uuidv7(0x017f22e279b0, random)).toBe('017f22e2-79b0-7cc3-98c4-dc0c0c07398f')
  })
  test('later ids sort later, and none comes twice', () => {
    expect(uuidv7(1) < uuidv7(2)).toBe(true)
    expect(new Set(Array.from({ length: 1000 }, () => uuidv7())).size).toBe(1000)
  })
})

describe('money as people type it', () => {
  test.each([
    ['12', 'USD', 1200],
    ['12.5', 'USD', 1250],
    [' 12,50 ', 'EUR', 1250],
    ['1\u202f200,05', 'EUR', 120005],
    ['0', 'USD', 0],
    ['500', 'JPY', 500],
    ['500.5', 'JPY', null],
    ['12.345', 'USD', null],
    ['-3', 'USD', null],
    ['1e3', 'USD', null],
    ['12.', 'USD', null],
    ['ten', 'USD', null],
  ])('%s %s', (text, currency, amount) => expect(parseAmount(text, currency)).toBe(amount))
  test('is shown as it is typed', () => {
    expect(typedAmount(1250, 'USD')).toBe('12.50')
    expect(typedAmount(500, 'JPY')).toBe('500')
  })
})

describe('money, numbers and time in both languages', () => {
  test.each([
    ['en-US', 12345, 'USD', '$123.45'],
    ['fr', 12345, 'USD', '123,45\u00a0$US'],
    ['fr', 5, 'EUR', '0,05\u00a0€'],
    ['en-US', 500, 'JPY', '¥500'],
    ['en-US', -70, 'USD', '-$0.70'],
  ])('%s %i %s', (tag, amount, currency, written) => expect(money({ amount, currency }, tag)).toBe(written))
  test('numbers', () => {
    expect(number(17500, 'en')).toBe('17,500')
    expect(number(17500, 'fr')).toBe('17\u202f500')
  })
  test.each([
    [0, '0:00'],
    [65, '1:05'],
    [3725, '1:02:05'],
    [-3, '0:00'],
  ])('%i s is %s', (seconds, written) => expect(elapsed(seconds)).toBe(written))
  test.each([
    [7, '7 days'],
    [0.5, '12 hours'],
    [20 / 86_400, '20 seconds'],
  ])('a hold of %f days is %s', (days, written) => expect(span(days, 'en')).toBe(written))
  test('clock', () => expect(clockTime('2026-05-01T18:30:00', 'fr')).toBe('18:30'))
  test('a time names its year if that is another', () => {
    const now = new Date('2026-12-31T12:00:00')
    expect(dayTime('2026-05-01T18:30:00', 'fr', now)).not.toContain('2026')
    expect(dayTime('2027-01-01T18:30:00', 'fr', now)).toContain('2027')
  })
})

test.each([
  ['fr', ['en-GB'], 'fr'],
  [null, ['de-DE', 'fr-CA', 'en'], 'fr'],
  [null, ['de', 'it'], 'en'],
  ['klingon', ['en-US'], 'en'],
])('language: stored %s, browser %j → %s', (stored, preferred, lang) => expect(pickLang(stored, preferred)).toBe(lang))

describe('backoff', () => {
  test('grows, is jittered and is capped', () => {
    expect(backoffMs(0, 1)).toBe(400)
    expect(backoffMs(3, 1)).toBe(3200)
    expect(backoffMs(3, 0)).toBe(800)
    expect(backoffMs(50, 1)).toBe(15_000)
  })
})

describe('problems', () => {
  const answer = (status: number, body: string) => problemOf(new Response(body, { status, statusText: 'Nope' }))
  test('speak by the last part of their type', async () => {
    const problem = await answer(402, '{"type":"/problems/insufficient_funds","title":"No","status":402,"field":"kind"}')
    expect(problem).toMatchObject({ kind: 'insufficient_funds', status: 402, field: 'kind', offline: false })
  })
  test('an answer that is no problem document is one all the same', async () => {
    expect(await answer(502, '<html>')).toMatchObject({ status: 502, title: 'Nope', field: null })
  })
  test('nothing heard is offline', () => {
    expect(new Problem({ type: 'offline', title: '', status: 0 }).offline).toBe(true)
  })
})

test('a picture that stands still is begun anew; one that moves, or may stand, is not', () => {
  vi.useFakeTimers()
  let frames = 0
  let due = true
  const stuck = vi.fn()
  const dog = new Watchdog(() => frames, () => due, stuck, () => undefined, 3)
  for (let i = 0; i < 10; i++) (frames++, dog.look())
  expect(stuck).not.toHaveBeenCalled()
  due = false
  for (let i = 0; i < 10; i++) dog.look()
  expect(stuck).not.toHaveBeenCalled()
  due = true
  for (let i = 0; i < 3; i++) dog.look()
  expect(stuck).toHaveBeenCalledTimes(1)
  dog.stop()
  vi.useRealTimers()
})

describe('how far WHEP is behind', () => {
  const report = (video: object, pair: object = {}) =>
    new Map<string, Record<string, unknown>>([
      ['a', { type: 'inbound-rtp', kind: 'audio', jitterBufferDelay: 99, jitterBufferEmittedCount: 1 }],
      ['v', { type: 'inbound-rtp', kind: 'video', ...video }],
      ['p', { type: 'candidate-pair', state: 'succeeded', nominated: true, ...pair }],
      ['q', { type: 'candidate-pair', state: 'failed', nominated: false, currentRoundTripTime: 9 }],
    ])
  const waited = (jitterBufferDelay: number, jitterBufferEmittedCount: number) => ({ jitterBufferDelay, jitterBufferEmittedCount })
  const pair = { currentRoundTripTime: 0.08 }
  test.each([
    ['waiting and half the way', report(waited(12, 100), pair), undefined, 0.16],
    ['a way not measured yet', report(waited(12, 100)), undefined, 0.12],
    ['only what waited since the report before', report(waited(42, 130), pair), report(waited(12, 100)), 1.04],
    ['no frame yet', report(waited(0, 0), pair), undefined, null],
    ['no frame since', report(waited(12, 100), pair), report(waited(12, 100)), null],
    ['nothing connected', [], undefined, null],
  ])('%s', (_what, now, before, seconds) => expect(behindS(now, before)).toEqual(seconds === null ? null : expect.closeTo(seconds)))
})

test('loudness: silence is 0, a full wave is 1, half of one between', () => {
  const wave = (volume: number) => Float32Array.from({ length: 512 }, (_, i) => volume * Math.sign(Math.sin(i / 3 + 0.1)))
  expect(loudness(wave(0))).toBe(0)
  expect(loudness(wave(1))).toBeCloseTo(1)
  expect(loudness(wave(0.1))).toBeCloseTo(2 / 3, 2)
})

test('celebrations are over before three seconds', () => {
  for (const show of ['confetti', 'bursts', 'coins'] as const) {
    const flying = bits(show, 200, Math.random)
    expect(flying.filter((bit) => placeOf(bit, 1) !== null).length).toBeGreaterThan(20)
    for (const bit of flying) expect(placeOf(bit, 4)).toBeNull()
  }
})

test('a name keeps its hue', () => {
  expect(hueOf('Luna')).toBe(hueOf('Luna'))
  expect(new Set(['Luna', 'Marco', 'Imani', 'Pat', 'Rosa', 'Théo'].map(hueOf)).size).toBeGreaterThan(2)
})
