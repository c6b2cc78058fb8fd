/**
 * What a room's log shows at a moment of its replay, as a value. Pure: the log and a position go in, lines and gifts
 * come out, and it is the same whether one has watched up to there or jumped there.
 */
import { expired, grown, type Banner } from '$lib/money/streaks'
import type { Pin, PollView, Spotlight } from '$lib/api'
import * as chat from './chat'
import type { Placed } from './replay'
import type { GiftEvent } from './wire'

export interface Scene {
  positionMs: number
  /** How many of the log's events are in it. */
  taken: number
  lines: readonly chat.Line[]
  banners: readonly Banner[]
  title: string | null
  spotlight: Spotlight | null
  pin: Pin | null
  /** The last one that was asked, as it was then. */
  poll: PollView | null
}

export const opening: Scene = { positionMs: 0, taken: 0, lines: [], banners: [], title: null, spotlight: null, pin: null, poll: null }

/** The next scene. `log` is in the order of the room's numbers, and may have grown since the scene before. */
export function at(before: Scene, log: readonly Placed[], positionMs: number): Scene {
  let scene = positionMs < before.positionMs ? opening : before
  while (scene.taken < log.length && log[scene.taken]!.position_ms <= positionMs) scene = told(scene, log[scene.taken]!)
  const banners = scene.banners.length > 0 ? expired(scene.banners, positionMs) : scene.banners
  return { ...scene, banners, positionMs }
}

/** Gifts between two scenes, when one led to the other without a jump. */
export function given(before: Scene, after: Scene, log: readonly Placed[]): GiftEvent[] {
  if (after.positionMs < before.positionMs || after.positionMs > before.positionMs + jumpMs) return []
  return log.slice(before.taken, after.taken).flatMap(({ event }) => (event.type === 'gift' ? [event] : []))
}
/** More than this at once is not watching any more; twice the speed is, looked at a few times a second. */
const jumpMs = 2_500

function told(scene: Scene, { event, position_ms }: Placed): Scene {
  const taken = scene.taken + 1
  switch (event.type) {
    case 'said':
      return { ...scene, taken, lines: chat.heard(scene.lines, event, false) }
    case 'deleted':
      return { ...scene, taken, lines: chat.deleted(scene.lines, event) }
    case 'cleared':
      return { ...scene, taken, lines: chat.cleared(scene.lines, event.person) }
    case 'gift':
      return {
        ...scene,
        taken,
        lines: chat.given(scene.lines, event),
        banners: grown(expired(scene.banners, position_ms), event, position_ms),
      }
    case 'badge':
    case 'subscription':
    case 'subscription_gift':
      return { ...scene, taken, lines: chat.bought(scene.lines, event) }
    case 'spotlight':
      return { ...scene, taken, spotlight: event.spotlight }
    case 'spotlight_end':
      return { ...scene, taken, spotlight: null }
    case 'pin':
      return { ...scene, taken, pin: event.pin }
    case 'unpin':
      return { ...scene, taken, pin: null }
    case 'poll':
      return { ...scene, taken, poll: event.poll }
    case 'title':
      return { ...scene, taken, title: event.title }
    default:
      return { ...scene, taken }
  }
}
