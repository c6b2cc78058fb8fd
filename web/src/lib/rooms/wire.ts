/** What travels over /ws/rooms/{room}. Numbers `n` count the room's events 1, 2, 3 … within an epoch. */
import type { Board, ChatMode, HeldMessage, Layout, ProblemBody, RoomEvent, RoomView, Seat, Speaker, StageView, TalkView, TopSupporter } from '$lib/api'

export type { Layout, RoomEvent, Seat, Speaker, StageView }
export type Said = Extract<RoomEvent, { type: 'said' }>
export type Reply = NonNullable<Said['reply']>
export type Deleted = Extract<RoomEvent, { type: 'deleted' }>
export type GiftEvent = Extract<RoomEvent, { type: 'gift' }>
export type BadgeEvent = Extract<RoomEvent, { type: 'badge' }>
export type SubscriptionEvent = Extract<RoomEvent, { type: 'subscription' }>
export type SubscriptionGiftEvent = Extract<RoomEvent, { type: 'subscription_gift' }>
export type GoalEvent = Extract<RoomEvent, { type: 'goal' }>

export type Redirect = Extract<RoomEvent, { type: 'redirect' }>
export type Told = Extract<RoomEvent, { type: 'arrivals' | 'announcement' | 'follow' }>

export type StageEvent = Extract<RoomEvent, { type: 'stage' | 'stage_waiting' | 'stage_mine' }>

/** The run a gift belongs to; one that does not count up is a run of its own. */
export function runOf(gift: GiftEvent): { id: string; count: number } {
  return gift.streak ?? { id: gift.id, count: gift.count }
}

export interface Hello {
  /** How others see us; none without a name. */
  you: Speaker | null
  room: RoomView
  stage: StageView
  board: Board
  talk: TalkView
  chat: ChatMode
  /** What waits for a moderator; null for whoever does not moderate. */
  held: HeldMessage[] | null
  /** Hearts that were tapped in this live. */
  reactions: number
  reset: boolean
}
/** Latest values; one that is absent has not changed. */
export interface Totals {
  viewers: number
  /** Hearts that were tapped in this live. */
  reactions?: number
  top?: TopSupporter[]
  /** Votes of polls, for everyone and for subscribers, and of questions. */
  polls?: PollVotes[]
  sub_polls?: PollVotes[]
  questions?: { message: string; votes: number }[]
  /** Of a chat that is too fast to read, what was shown in the last second; null once all is shown again. */
  sampled?: Sampled | null
}
export interface Sampled {
  shown: number
  said: number
}
export interface PollVotes {
  id: string
  votes: number[]
}
export interface Frame {
  v: 1
  room?: string
  epoch?: number
  seq?: number
  hello?: Hello
  ev?: RoomEvent[]
  totals?: Totals
  gap?: { from: number; to: number }
  re?: string
  ok?: unknown
  problem?: ProblemBody
}
/** Hearts that were tapped; nobody waits for an answer. */
export type React = { do: 'react'; count: number }
export type Command = { do: 'say'; id: string; text: string; reply_to?: string | undefined } | { do: 'delete'; id: string; message: string }
