/**
 * Gifts as they are shown: one growing banner per streak, at most `shownMax` at once, the rest wait.
 * No clock inside: `now` in milliseconds comes with each call.
 */
import { runOf, type GiftEvent, type Speaker } from '$lib/rooms/wire'

export interface Banner {
  id: string
  from: Speaker
  kind: string
  /** The xN on the banner. */
  count: number
  /** Coins given in this streak, as far as this screen has seen. */
  coins: number
  /** When it leaves, unless it grows again. */
  until: number
}

export const windowMs = 5_000
export const lingerMs = 1_500
export const shownMax = 3
const waitingMax = 30

export function grown(banners: readonly Banner[], gift: GiftEvent, now: number): Banner[] {
  const run = runOf(gift)
  const at = banners.findIndex((banner) => banner.id === run.id)
  if (at === -1) {
    const banner: Banner = {
      id: run.id,
      from: gift.from,
      kind: gift.kind,
      count: run.count,
      coins: gift.total,
      until: now + windowMs,
    }
    return [...banners, banner].slice(-(shownMax + waitingMax))
  }
  const old = banners[at]!
  const count = Math.max(old.count, run.count)
  return banners.with(at, { ...old, count, coins: old.coins + gift.total, until: now + windowMs })
}

/** Those that leave make room; one that waited gets its full time on screen from now. */
export function expired(banners: readonly Banner[], now: number): Banner[] {
  const shown = banners.slice(0, shownMax).filter((banner) => banner.until > now)
  const waiting = banners.slice(shownMax).map((banner, i) =>
    shown.length + i < shownMax ? { ...banner, until: Math.max(banner.until, now + lingerMs) } : banner,
  )
  return [...shown, ...waiting]
}
