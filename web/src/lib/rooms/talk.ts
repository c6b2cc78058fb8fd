/**
 * What a live talks about, as a value: the topic of its sub room, polls, the message over the picture, questions, the
 * pinned message, and what is said in the sub room. Each function gives the next one.
 */
import type { PollView, RoomEvent, TalkView } from '$lib/api'
import * as chat from './chat'
import type { Placed } from './replay'
import type { Speaker, Totals } from './wire'

export type SubSaid = Extract<RoomEvent, { type: 'sub_room_said' }>
/** A line of the sub room; the host's answer names the message that it answers. */
export interface SubLine extends chat.Line {
  answers?: string | null
}

export interface Talk extends TalkView {
  lines: readonly SubLine[]
}

export const silent: Talk = { sub_room: false, topic: null, polls: [], spotlight: null, pin: null, questions: [], lines: [] }

/** A hello's, or the server's answer. What was read of a sub room that one may read no more is forgotten. */
export function told(before: Talk, talk: TalkView): Talk {
  return { ...talk, lines: talk.sub_room ? before.lines : [] }
}

export function counted(talk: Talk, totals: Totals): Talk {
  const { polls = [], sub_polls = [], questions = [] } = totals
  const votes = [...polls, ...sub_polls]
  if (votes.length + questions.length === 0) return talk
  return {
    ...talk,
    polls: talk.polls.map((poll) => ({ ...poll, votes: votes.find(({ id }) => id === poll.id)?.votes ?? poll.votes })),
    questions: talk.questions.map((asked) => ({ ...asked, votes: questions.find(({ message }) => message === asked.message)?.votes ?? asked.votes })),
  }
}

/** One's own vote, as the server took it. */
export function voted(talk: Talk, poll: string, mine: number): Talk {
  return { ...talk, polls: talk.polls.map((each) => (each.id === poll ? { ...each, mine } : each)) }
}
export function backed(talk: Talk, message: string, votes: number): Talk {
  return { ...talk, questions: talk.questions.map((each) => (each.message === message ? { ...each, votes, mine: true } : each)) }
}

export function heard(talk: Talk, event: RoomEvent, me: string | undefined): Talk {
  switch (event.type) {
    case 'sub_room_said':
      return { ...talk, lines: said(talk.lines, event, event.from.id === me) }
    case 'deleted':
      return { ...talk, lines: chat.deleted(talk.lines, event), questions: talk.questions.filter(({ message }) => message !== event.message) }
    case 'cleared':
      return { ...talk, lines: chat.cleared(talk.lines, event.person), questions: talk.questions.filter(({ from }) => from.id !== event.person) }
    case 'topic':
      return { ...talk, topic: event.topic ?? null }
    case 'poll': {
      const rest = talk.polls.filter(({ id }) => id !== event.poll.id)
      const mine = talk.polls.find(({ id }) => id === event.poll.id)?.mine ?? null
      // A result stays until another poll of its kind takes its place.
      const others = rest.filter(({ open, to }) => open || to !== event.poll.to)
      return { ...talk, polls: [...others, { ...event.poll, mine }] }
    }
    case 'spotlight':
      return { ...talk, spotlight: event.spotlight }
    case 'spotlight_end':
      return talk.spotlight?.id === event.spotlight ? { ...talk, spotlight: null } : talk
    case 'pin':
      return { ...talk, pin: event.pin }
    case 'unpin':
      return talk.pin?.message === event.message ? { ...talk, pin: null } : talk
    case 'question': {
      const { question } = event
      const known = talk.questions.find(({ message }) => message === question.message)
      const rest = talk.questions.filter(({ message }) => message !== question.message)
      if (question.state !== 'waiting') return { ...talk, questions: rest }
      return { ...talk, questions: [...rest, { ...question, mine: known?.mine ?? false }] }
    }
    default:
      return talk
  }
}

export function said(lines: readonly SubLine[], event: SubSaid, mine: boolean): SubLine[] {
  const rest = lines.filter((line) => line.id !== event.id)
  const line: SubLine = { id: event.id, kind: 'said', from: event.from, text: event.text, state: 'sent', mine, answers: event.answers ?? null }
  return [...rest, line].slice(-chat.linesMax)
}

export function saying(lines: readonly SubLine[], id: string, from: Speaker, text: string): SubLine[] {
  return chat.say(lines, id, from, text)
}

/** How much of the votes each option has, in percent; all nothing before the first. */
export function shares(poll: Pick<PollView, 'votes'>): number[] {
  const all = poll.votes.reduce((sum, votes) => sum + votes, 0)
  return poll.votes.map((votes) => (all === 0 ? 0 : Math.round((votes * 100) / all)))
}

/** A question that was answered on camera, as a part of the replay. */
export interface Chapter {
  id: string
  fromMs: number
  toMs: number
  who: string
  text: string
}

export function chapters(log: readonly Placed[]): Chapter[] {
  const begun = new Map<string, Omit<Chapter, 'toMs'>>()
  const all: Chapter[] = []
  for (const { event, position_ms } of log) {
    if (event.type === 'spotlight') {
      const { id, from, text } = event.spotlight
      begun.set(id, { id, fromMs: position_ms, who: from.name, text })
    } else if (event.type === 'spotlight_end' && event.answered) {
      const chapter = begun.get(event.spotlight)
      if (chapter) all.push({ ...chapter, toMs: position_ms })
    }
  }
  return all
}
