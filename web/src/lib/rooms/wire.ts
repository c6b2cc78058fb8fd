/** What travels over /ws/rooms/{room}. Numbers `n` count the room's events 1, 2, 3 … within an epoch. */
import type { Me, ProblemBody, RoomState, RoomView } from '$lib/api'

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
  streak: { id: string; count: number }
  total: number
}
export type StreakEnded = Numbered & { type: 'streak_ended'; streak: string; from: Speaker; kind: string; count: number }
export type StateChanged = Numbered & { type: 'room_state'; state: RoomState; resume_until?: string | null }
export type TitleChanged = Numbered & { type: 'title'; title: string }
export type RoomEvent = Said | Deleted | GiftEvent | StreakEnded | StateChanged | TitleChanged

export interface Hello {
  you: { kind: Me['kind']; id: string | null; name: string | null }
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
