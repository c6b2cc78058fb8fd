/** What travels over /ws/rooms/{room}. Numbers `n` count the room's events 1, 2, 3 … within an epoch. */
import type { ProblemBody, RoomEvent, RoomView, Speaker } from '$lib/api'

export type { RoomEvent, Speaker }
export type Said = Extract<RoomEvent, { type: 'said' }>
export type Deleted = Extract<RoomEvent, { type: 'deleted' }>
export type GiftEvent = Extract<RoomEvent, { type: 'gift' }>

/** The run a gift belongs to; one that does not count up is a run of its own. */
export function runOf(gift: GiftEvent): { id: string; count: number } {
  return gift.streak ?? { id: gift.id, count: gift.count }
}

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
