/** What travels over /ws/rooms/{room}. Numbers `n` count the room's events 1, 2, 3 … within an epoch. */
import type { ProblemBody, RoomEvent as Event, RoomView, Speaker as Named } from '$lib/api'
import type { Layout } from './arrange'

/** A person's handle, where the server tells it: what a block goes by. */
export type Speaker = Named & { handle?: string | null }
export type Said = Extract<RoomEvent, { type: 'said' }>
export type Deleted = Extract<RoomEvent, { type: 'deleted' }>
export type GiftEvent = Extract<RoomEvent, { type: 'gift' }>

export interface Seat {
  /** 0 is the host's. */
  seat: number
  who: Speaker
  muted: boolean
  /** The camera is off. */
  hidden: boolean
  /** Their media flows. */
  on_air: boolean
}
export type Standing = 'asked' | 'invited' | 'on'
export interface StageView {
  layout: Layout
  focus: number | null
  seats: Seat[]
  seats_max: number
  mine: { state: Standing; seat: number | null } | null
  /** Only for those on stage. */
  waiting: { asked: Speaker[]; invited: Speaker[] } | null
}
export type StageEvent = { n: number; at: string } & (
  | { type: 'stage'; layout: Layout; focus?: number | null; seats: Seat[] }
  | { type: 'stage_waiting'; asked: Speaker[]; invited: Speaker[] }
  | { type: 'stage_mine'; state: Standing | 'none'; seat?: number | null; why?: 'admitted' | 'declined' | 'removed' | 'left' | 'lost' | null }
)
export type RoomEvent = Event | StageEvent

/** The run a gift belongs to; one that does not count up is a run of its own. */
export function runOf(gift: GiftEvent): { id: string; count: number } {
  return gift.streak ?? { id: gift.id, count: gift.count }
}

export interface Hello {
  /** How others see us; none without a name. */
  you: Speaker | null
  room: RoomView
  stage: StageView
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
