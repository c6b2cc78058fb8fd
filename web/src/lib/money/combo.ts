/** The xN under one's own finger: the same streakable gift again within the window counts up. No clock inside. */
import { windowMs } from './streaks'

export interface Combo {
  kind: string
  count: number
  until: number
}

export function tapped(old: Combo | null, kind: string, streakable: boolean, now: number): Combo {
  const goesOn = streakable && old !== null && old.kind === kind && now <= old.until
  return { kind, count: goesOn ? old.count + 1 : 1, until: now + windowMs }
}
