/**
 * The lines of a chat, as a value: each function gives the next one. Own messages stand at once as `sending`
 * and become the numbered one when it arrives (the same id), or `failed` with the reason.
 */
import { runOf, type BadgeEvent, type Deleted, type GiftEvent, type Reply, type Said, type Sampled, type Speaker, type SubscriptionEvent, type SubscriptionGiftEvent, type Told } from './wire'

export interface Line {
  id: string
  kind: 'told' | 'said' | 'gap' | 'gift' | Bought['type']
  from: Speaker | null
  text: string
  state: 'sending' | 'sent' | 'failed' | 'deleted'
  why?: string
  mine?: boolean
  gift?: { kind: string; count: number }
  /** Drawn where the text names them. */
  emotes?: Said['emotes'] | undefined
  /** What a line without words says. */
  event?: Bought
  /** What it answers. */
  reply?: Reply | undefined
  /** Only moderators see it; or it waits for them. */
  mark?: 'shadowed' | 'held'
  /** What the room says to all. */
  told?: Told
  /** It is of the sub room. */
  sub?: boolean
}
/** Hearts for oneself, a month as a member, or months for others. */
export type Bought = BadgeEvent | SubscriptionEvent | SubscriptionGiftEvent

/** What a list of lines shows: a live's, or a replay's, from which nothing can be removed. */
export interface Conversation {
  readonly lines: readonly Line[]
  readonly online: boolean
  /** Set while the chat is too fast to be shown whole. */
  readonly sampled?: Sampled | null
  /** Whoever moderates or is on stage is shown all even then. */
  readonly whole?: boolean
  readonly view: { readonly mine: boolean }
  readonly ui?: ChatUi
  /** Opens what can be done about a line; nothing can in a replay. */
  pick?(line: Line): void
  drop?(id: string): void
}

/** What the reader is about with the lines. */
export interface ChatUi {
  /** People whose lines are not shown here. */
  hidden?: ReadonlySet<string> | undefined
  /** The line whose menu is open. */
  picked?: Line | undefined
  /** The line that is being answered. */
  answered?: Line | undefined
}

export const linesMax = 200

export function say(lines: readonly Line[], id: string, from: Speaker, text: string): Line[] {
  return keep([...lines, { id, kind: 'said', from, text, state: 'sending', mine: true }])
}

/** The room's own order wins: the pending line moves to where the room numbered it. */
export function heard(lines: readonly Line[], said: Said, mine: boolean): Line[] {
  const rest = lines.filter((line) => line.id !== said.id)
  return keep([
    ...rest,
    { id: said.id, kind: 'said', from: said.from, text: said.text, emotes: said.emotes, state: 'sent', mine, reply: said.reply ?? undefined },
  ])
}

export function failed(lines: readonly Line[], id: string, why: string): Line[] {
  return lines.map((line) => (line.id === id && line.state === 'sending' ? { ...line, state: 'failed', why } : line))
}

/** The answer to a command may come before the event: the line is sent either way. */
export function acknowledged(lines: readonly Line[], id: string): Line[] {
  return lines.map((line) => (line.id === id && line.state === 'sending' ? { ...line, state: 'sent' } : line))
}

export function forget(lines: readonly Line[], id: string): Line[] {
  return lines.filter((line) => line.id !== id)
}

export function deleted(lines: readonly Line[], event: Deleted): Line[] {
  return lines.map((line) => (line.id === event.message ? { ...line, text: '', state: 'deleted' } : line.reply?.message === event.message ? bare(line) : line))
}
/** All that somebody has said, and what answers to it say of it. */
export function cleared(lines: readonly Line[], person: string): Line[] {
  return lines.map((line) => {
    if (line.kind === 'said' && line.from?.id === person && line.state !== 'sending') return { ...line, text: '', state: 'deleted' }
    return line.reply?.author === person ? bare(line) : line
  })
}
function bare(line: Line): Line {
  return { ...line, reply: { ...line.reply!, excerpt: '' } }
}

/** What the room says to all: viewers who were sent here, what the operators announce. */
export function told(lines: readonly Line[], told: Told): Line[] {
  const id = `told-${told.n}`
  if (lines.some((line) => line.id === id)) return [...lines]
  return keep([...lines, { id, kind: 'told', from: null, text: '', state: 'sent', told }])
}

export function gapMark(lines: readonly Line[], gap: { from: number; to: number }): Line[] {
  const count = gap.to - gap.from + 1
  return keep([...lines, { id: `gap-${gap.from}`, kind: 'gap', from: null, text: String(count), state: 'sent' }])
}

/** A streak is one line that grows, and moves down to where it last grew. */
export function given(lines: readonly Line[], event: GiftEvent): Line[] {
  const run = runOf(event)
  const id = `streak-${run.id}`
  const old = lines.find((line) => line.id === id)
  const count = Math.max(old?.gift?.count ?? 0, run.count)
  const line: Line = { id, kind: 'gift', from: event.from, text: '', state: 'sent', gift: { kind: event.kind, count } }
  return keep([...lines.filter((other) => other.id !== id), line])
}

export function bought(lines: readonly Line[], event: Bought): Line[] {
  const { n, type: kind, from } = event
  return keep([...lines, { id: `${kind}-${n}`, kind, from, text: '', state: 'sent', event }])
}

function keep(lines: Line[]): Line[] {
  return lines.length > linesMax ? lines.slice(-linesMax) : lines
}
