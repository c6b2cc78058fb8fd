/**
 * The wire shapes by the names the app uses, all of them from the server's OpenAPI document (types.gen.ts).
 * The document calls a field that may be null optional; the server always writes it, so `Required` here.
 */
import type { components } from './types.gen'

type Schema = components['schemas']

export type MoneyAmount = Schema['MoneyAmount']
export type Me = Required<Schema['Me']>
export type RoomState = Schema['State']
export type RoomView = Required<Schema['RoomView']>
export type Channel = Omit<Schema['ChannelView'], 'room'> & { room: RoomView | null }
export type StreamKeyState = Schema['StreamKey']
export type GiftKind = Schema['GiftKind']
export type GiftReceipt = Required<Schema['Sent']>
export type CoinPack = Schema['CoinPack']
export type Payment = Required<Schema['PaymentView']>
export type SpendingCap = Schema['SpendingCap']
export type SpendingCaps = Schema['SpendingCaps']
export type CapsWanted = Schema['CapsBody']
export type Earnings = Required<Schema['Earnings']>
export type StatementLine = Schema['StatementLine']
export type StatementDetail = Schema['PostingView']
export type Transfer = Schema['TransferView']
export type Redeemed = Schema['RedeemedView']
export type Standing = Required<Schema['PayoutStanding']>
export type Identity = Schema['IdentityView']
export type Payout = Schema['PayoutView']
export type PayoutState = Schema['PayoutState']
export type PayoutMethod = Schema['PayoutMethod']
export type DeskPayout = Schema['DeskPayout']
export type PayoutBatch = Schema['BatchView']
export type OperatorSummary = Schema['OperatorSummary']
export type OperatorRefund = Schema['OperatorRefund']
export type OperatorPostingWhole = Schema['OperatorPostingWhole']
export type TaxSummary = Schema['TaxSummary']
export type TaxRow = Schema['TaxRow']
export type TaxLine = Schema['TaxLine']
export type DisputeView = Schema['DisputeView']
export type NoticeAside = Schema['NoticeAside']
export type NoticeActDone = Schema['NoticeActDone']
export type Policy = Required<Schema['Policy']>
export type DatedPolicy = Omit<Schema['DatedPolicy'], 'policy'> & { policy: Policy }
export type PolicySimulation = Schema['PolicySimulation']
export type SimulatedCreator = Schema['SimulatedCreator']
export type ProblemBody = Schema['Problem']
export type Speaker = Schema['Speaker']
export type RoomEvent = Schema['RoomEvent']
export type Layout = Schema['Layout']
export type Seat = Schema['Seat']
export type StageView = Required<Schema['StageView']>
export type HangoutLink = Schema['HangoutLink']
export type Door = Schema['Door']
export type Blocked = Schema['Blocked']
export type ChatMode = Schema['ChatMode']
export type ChatFilter = Schema['ChatFilter']
export type HeldMessage = Schema['HeldMessage']
export type ModerationAct = Schema['ModerationAct']
export type ModerationRecord = Schema['ModerationRecord']
export type Sanctioned = Schema['Sanctioned']
export type PersonHistory = Schema['PersonHistory']
export type TeamMate = Schema['TeamMate']
export type TeamRole = Schema['TeamRole']
export type FollowView = Schema['FollowView']
export type Followed = Schema['Followed']
export type Bell = Schema['Bell']
export type Inbox = Schema['Inbox']
export type Notice = Schema['Notice']
export type NoticeAddress = Schema['NoticeAddress']
export type NoticeSettings = Required<Schema['NoticeSettings']>
export type RestreamTarget = Required<Schema['RestreamTarget']>
export type Restream = Required<Schema['Restream']>
export type OverlayKind = Schema['OverlayKind']
export type OverlayLook = Schema['OverlayLook']
export type Overlay = Required<Schema['Overlay']>
export type OverlayWithSecret = Schema['OverlayWithSecret']
export type OverlayShown = Schema['OverlayShown']

export type BadgeOffer = Required<Schema['BadgeOffer']>
export type BadgePurchase = Schema['BadgePurchase']
export type Tier = Schema['SubscriptionTier']
export type TierOffer = Required<Schema['TierOffer']>
export type Subscription = Required<Schema['SubscriptionView']>
export type SubscriptionState = Schema['SubscriptionState']
export type Emote = Required<Schema['EmoteView']>
export type UsedEmote = Schema['UsedEmote']
export type GiftedSubscription = Required<Schema['GiftedSubscription']>
export type Subscriber = Schema['Subscriber']
export type TicketOffer = Required<Schema['TicketOffer']>
export type MyTicket = Required<Schema['MyTicket']>
export type TicketHolder = Required<Schema['TicketHolder']>
export type PassHolder = Schema['PassHolder']
export type Access = Schema['Access']
export type OwnPage = Schema['Page_OwnPage']['items'][number]
export type Quote = Schema['Quote']
export type Board = Schema['Board']
export type Goal = Schema['Goal']
export type GoalKind = Schema['GoalKind']
export type TopSupporter = Schema['TopSupporter']
export type TalkView = Required<Schema['TalkView']>
export type PollView = Schema['PollView']
export type Poll = Schema['Poll']
export type Question = Schema['Question']
export type Spotlight = Schema['Spotlight']
export type Pin = Schema['Pin']
export type Topic = Schema['Topic']
export type Circle = Schema['Circle']
export type RankingPlace = Schema['RankingPlace']
export type SupporterView = Schema['SupporterView']

/** A page of any list. */
export interface List<T> {
  items: T[]
  next?: string | null
}
export type AccessToken = Required<Schema['AccessToken']>
export type TokenScope = Schema['TokenScope']
export type MadeAccessToken = Schema['MadeAccessToken']
export type Webhook = Required<Schema['Webhook']>
export type WebhookKind = Schema['WebhookKind']
export type WebhookWithSecret = Schema['WebhookWithSecret']
export type WebhookDelivery = Required<Schema['WebhookDelivery']>

export type ReportGround = Schema['ReportGround']
export type ReportCategory = Schema['ReportCategory']
export type ReportMeasure = Schema['ReportMeasure']
export type ReportObject = Schema['ReportObject']
export type Report = Schema['ReportView']
export type Statement = Schema['Statement']
export type DeskReport = Schema['DeskReport']
export type ReportCase = Schema['ReportCase']
export type DeskAppeal = Schema['DeskAppeal']
export type Transparency = Schema['Transparency']
export type AccountDeletion = Required<Schema['AccountDeletion']>
