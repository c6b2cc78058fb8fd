/** The wire shapes. Replaced by names from types.gen.ts as soon as the server's OpenAPI document is committed. */
export interface MoneyAmount {
  amount: number
  currency: string
}
export interface ChannelRef {
  id: string
  handle: string
  name: string
}
export interface Me {
  kind: 'person' | 'guest' | 'nobody'
  id: string | null
  handle: string | null
  display_name: string | null
  about: string | null
  role: 'viewer' | 'operator' | null
  channel: ChannelRef | null
  coins: number
  demo: boolean
}
export type RoomState = 'scheduled' | 'lobby' | 'live' | 'interrupted' | 'ended'
export interface RoomView {
  id: string
  channel: ChannelRef
  title: string
  state: RoomState
  scheduled_at: string | null
  started_at: string | null
  ended_at: string | null
  resume_until: string | null
  viewers: number
  epoch: number
  seq: number
  mine: boolean
}
export interface Channel {
  id: string
  handle: string
  name: string
  about: string
  room: RoomView | null
  mine: boolean
}
export interface StreamKeyState {
  exists: boolean
  created_at?: string | null
}
export interface GiftKind {
  code: string
  name: { en: string; fr: string }
  price: number
  picture: string
  streakable: boolean
  effect: 'small' | 'big'
  /** Who gets what of one. */
  split: { creator: number; platform: number }
}
export interface GiftReceipt {
  gift: string
  paid: number
  coins: number
  streak: { id: string; count: number } | null
  split: { creator: number; platform: number }
}
export interface CoinPack {
  code: string
  coins: number
  price: MoneyAmount
}
export interface CoinPurchase {
  id: string
  state: 'pending' | 'paid' | 'declined'
  coins: number
  price: MoneyAmount
  checkout_url: string
  created_at?: string
}
export interface Earnings {
  diamonds: { pending: number; available: number }
  money: { available: MoneyAmount }
  next_release: { at: string; diamonds: number } | null
  lifetime_diamonds: number
  policy: { version: number; gift_share_percent: number; hold_days: number }
}
export interface StatementLine {
  posting: string
  at: string
  kind: 'gift' | 'release' | 'redeem'
  text: { from?: string | null; gift?: string | null; count?: number | null; room?: string | null }
  diamonds_pending: number
  diamonds_available: number
  /** In the currency's minor unit. */
  money: number
  balance_after: { pending: number; available: number; money: number }
  policy: number
}
export interface Transfer {
  id: number
  debit: string
  credit: string
  amount: number
  unit: string
  debit_balance?: number | null
  credit_balance?: number | null
}
export interface StatementDetail {
  posting: string
  at: string
  policy: number
  cause: string
  transfers: Transfer[]
}
export interface Redeemed {
  id: string
  money: MoneyAmount
}
export interface OperatorSummary {
  people: number
  rooms_live: number
  coins_sold: number
  /** Notices of payment providers that fitted no purchase. */
  notices_set_aside: number
  holdings: { account: string; unit: string; balance: number }[]
  audit: { ok: boolean; accounts: number; postings: number; transfers: number; findings: string[] }
}
export interface List<T> {
  items: T[]
  next: string | null
}
export interface ProblemBody {
  type: string
  title: string
  status: number
  detail?: string | null
  field?: string | null
}
