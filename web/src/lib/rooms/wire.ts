/** What travels over /ws/rooms/{room}. Numbers `n` count the room's events 1, 2, 3 … within an epoch. */
import type { ProblemBody, RoomState, RoomView } from '$lib/api'

export interface Speaker {
  id: string
  name: string
  kind: 'person' | 'guest'
  role?: 'host' | 'operator' | null
}
interface Numbered {
  n: number
  at: string
}
export type Said = Numbered & { type: 'said'; id: string; from: Speaker; text: string }
export type Deleted = Numbered & { type: 'deleted'; message: string; by?: unknown }
export type GiftEvent = Numbered & {
  type: 'gift'
  id: string
  from: Speaker
  kind: string
  count: number
  price: number
  /** None for a gift that does not count up. */
  streak: { id: string; count: number } | null
  total: number
}
/** The run a gift belongs to; one that does not count up is a run of its own. */
export function runOf(gift: GiftEvent): { id: string; count: number } {
  return gift.streak ?? { id: gift.id, count: gift.count }
}
export type StreakEnded = Numbered & { type: 'streak_ended'; streak: string; from: Speaker; kind: string; count: number }
export type StateChanged = Numbered & { type: 'room_state'; state: RoomState; resume_until?: string | null }
export type TitleChanged = Numbered & { type: 'title'; title: string }
/** Stands where a deleted message stood. */
export type Removed = Numbered & { type: 'removed' }
export type RoomEvent = Removed | Said | Deleted | GiftEvent | StreakEnded | StateChanged | TitleChanged

export interface Hello {
  /** How others see us; none without a name. */
  you: Speaker | null
  room: RoomView
  reset: boolean
}
export interface Frame {
  v: 1
  room?: string
  epoch?: number
  seq?: number
  hello?: Hello
  ev?: RoomEvent[]
  totals?: { viewers: number }
  gap?: { from: number; to: number }
  re?: string
  ok?: unknown
  problem?: ProblemBody
}
export type Command = { do: 'say'; id: string; text: string } | { do: 'delete'; id: string; message: string }
