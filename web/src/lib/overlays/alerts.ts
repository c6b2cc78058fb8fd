/**
 * Alerts, as a value: what has happened in a live becomes alerts, of which one is shown at a time, in their order. A
 * streak of gifts is one alert that counts up, whether it is on screen or waits. No clock inside: `now` in milliseconds
 * comes with each call.
 */
import type { OverlayLook, RoomEvent } from '$lib/api'

export type AlertsLook = NonNullable<OverlayLook['alerts']>
export type AlertKind = 'gift' | 'badge' | 'subscription' | 'subscription_gift' | 'ticket'
export const alertKinds: readonly AlertKind[] = ['gift', 'badge', 'subscription', 'subscription_gift', 'ticket']

export interface Alert {
  /** A streak's gifts have the same. */
  id: string
  kind: AlertKind
  name: string
  /** Gifts in the streak so far, or subscriptions that were given. */
  count: number
  /** What all of the streak cost. */
  coins: number
  gift: string
  hearts: number
  months: number
  tier: number
}
export interface Shown extends Alert {
  since: number
  until: number
}
export interface Queue {
  shown: Shown | null
  /** The next one comes no sooner. */
  freeAt: number
  waiting: readonly Alert[]
}

export const empty: Queue = { shown: null, freeAt: 0, waiting: [] }
export const waitingMax = 50
/** Nothing is shown for so long between two. */
const pauseMs = 500
/** A streak that never ends gives way after so many times an alert's length. */
const growsMax = 4

/** What an event is told as; null for what is no alert, is switched off, or is too little. */
export function alertOf(event: RoomEvent, look: AlertsLook): Alert | null {
  const alert = told(event)
  if (!alert || !look[alert.kind].on) return null
  return alert.kind === 'gift' && alert.coins < look.gift_coins_min ? null : alert
}

const bare = { count: 1, coins: 0, gift: '', hearts: 0, months: 0, tier: 0 }
function told(event: RoomEvent): Alert | null {
  switch (event.type) {
    case 'gift': {
      const { id, count } = event.streak ?? { id: event.id, count: event.count }
      return { ...bare, kind: 'gift', id: `gift-${id}`, name: event.from.name, gift: event.kind, count, coins: event.price * count }
    }
    case 'badge':
      return { ...bare, kind: 'badge', id: `badge-${event.n}`, name: event.from.name, hearts: event.hearts }
    case 'subscription':
      return { ...bare, kind: 'subscription', id: `subscription-${event.n}`, name: event.from.name, months: event.months, tier: event.tier }
    case 'subscription_gift':
      return { ...bare, kind: 'subscription_gift', id: `given-${event.n}`, name: event.from.name, count: event.to.length, tier: event.tier }
    case 'ticket':
      return { ...bare, kind: 'ticket', id: `ticket-${event.n}`, name: event.from.name }
    default:
      return null
  }
}

/** A new alert takes its place at the end; one that grows stays in its place. */
export function arrived(queue: Queue, alert: Alert, now: number, lastsMs: number): Queue {
  const { shown } = queue
  if (shown?.id === alert.id && now < shown.until) {
    const until = Math.min(now + lastsMs, shown.since + growsMax * lastsMs)
    return { ...queue, shown: { ...grown(shown, alert), since: shown.since, until: Math.max(shown.until, until) } }
  }
  const at = queue.waiting.findIndex((waits) => waits.id === alert.id)
  const waiting = queue.waiting.map((waits, i) => (i === at ? grown(waits, alert) : waits))
  return next({ ...queue, waiting: bounded(at < 0 ? [...waiting, alert] : waiting) }, now, lastsMs)
}

/** What time brings: the one on screen goes, and after a pause the next one comes. */
export function passed(queue: Queue, now: number, lastsMs: number): Queue {
  if (!queue.shown) return next(queue, now, lastsMs)
  return now < queue.shown.until ? queue : { ...queue, shown: null, freeAt: now + pauseMs }
}

/** Events may be told twice, and a later one first: a streak never counts down. */
function grown(before: Alert, alert: Alert): Alert {
  return alert.count > before.count ? alert : before
}

function next(queue: Queue, now: number, lastsMs: number): Queue {
  const [first, ...waiting] = queue.waiting
  if (queue.shown || !first || now < queue.freeAt) return queue
  return { ...queue, waiting, shown: { ...first, since: now, until: now + lastsMs } }
}

/** Of too many the cheapest gift is left out, the latest of those; without gifts, what has waited longest. */
function bounded(waiting: readonly Alert[]): readonly Alert[] {
  if (waiting.length <= waitingMax) return waiting
  let out = 0
  let least = Infinity
  waiting.forEach((alert, i) => {
    if (alert.kind === 'gift' && alert.coins <= least) {
      least = alert.coins
      out = i
    }
  })
  return waiting.filter((_, i) => i !== out)
}
