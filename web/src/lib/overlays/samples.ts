/** What could happen in a live: shown by `?test=1` and by the preview, without any live. */
import type { Goal, RoomEvent, Speaker, Spotlight } from '$lib/api'
import type { Ears } from './source'

const uuid = (n: number): string => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`
const person = (n: number, name: string, more: Partial<Speaker> = {}): Speaker => ({ id: uuid(n), name, kind: 'person', ...more })
const ana = person(1, 'Ana')
const bo = person(2, 'Bo', { badge: 2 })
const chloe = person(3, 'Chloé', { months: 7 })

const at = '2026-01-01T20:00:00Z'
const goal: Goal = { id: uuid(20), title: 'A roof for the stage', kind: 'gifts', target: 40, so_far: 12, state: 'open', since: 0 }
const spotlight: Spotlight = { id: uuid(30), message: uuid(31), from: chloe, text: 'How did you write the second song?', to: 'everyone' }

/** One round, in order; `round` gives each its own ids. Times are in milliseconds from its beginning. */
function round(round: number): { afterMs: number; event: RoomEvent }[] {
  const n = round * 100
  const event = (i: number, what: object): RoomEvent => ({ n: n + i, at, ...what }) as RoomEvent
  const said = (i: number, from: Speaker, text: string): RoomEvent => event(i, { type: 'said', id: uuid(n + i), from, text })
  const roses = (count: number): RoomEvent =>
    event(10 + count, { type: 'gift', id: uuid(n + 10 + count), from: ana, kind: 'rose', count: 1, price: 5, total: 5, streak: { id: uuid(n + 10), count } })
  return [
    { afterMs: 0, event: event(0, { type: 'spotlight', spotlight }) },
    { afterMs: 0, event: event(0, { type: 'goal', goal }) },
    { afterMs: 300, event: said(1, ana, 'Good evening from Lisbon!') },
    { afterMs: 600, event: roses(1) },
    { afterMs: 1_600, event: roses(2) },
    { afterMs: 2_200, event: roses(3) },
    { afterMs: 2_600, event: said(2, bo, 'That bridge over the second verse') },
    { afterMs: 3_000, event: event(30, { type: 'goal', goal: { ...goal, so_far: 15 + (round % 25) } }) },
    { afterMs: 4_000, event: event(31, { type: 'subscription', from: chloe, tier: 1, months: 7 }) },
    { afterMs: 5_000, event: event(32, { type: 'badge', from: bo, hearts: 2 }) },
    { afterMs: 6_000, event: event(33, { type: 'subscription_gift', from: bo, tier: 1, to: [ana, chloe] }) },
    { afterMs: 6_500, event: said(3, chloe, 'Play the one with the cello, please') },
    { afterMs: 7_000, event: event(34, { type: 'ticket', from: ana, stage: false }) },
    { afterMs: 8_000, event: event(35, { type: 'gift', id: uuid(n + 35), from: chloe, kind: 'golden-mic', count: 1, price: 4_999, total: 4_999, streak: null }) },
  ]
}
const roundMs = 40_000

/** Plays one round after another, for ever. */
export class Samples {
  private timers: ReturnType<typeof setTimeout>[] = []
  private rounds = 0

  constructor(private readonly ears: Ears) {}

  /** From the beginning, also when it plays. */
  begin(): void {
    this.timers.forEach(clearTimeout)
    const once = round(this.rounds++).map(({ afterMs, event }) => setTimeout(() => this.ears.event(event, false), afterMs))
    this.timers = [...once, setTimeout(() => this.begin(), roundMs)]
  }
}
