/** What one live talks about, on this screen. It joins after the first frame: what came before, it asks the server for. */
import { call, Problem, uuidv7, type List, type PollView, type Question, type RoomEvent, type TalkView } from '$lib/api'
import { explain } from '$lib/i18n/common'
import * as chat from './chat'
import type { Taken } from './cursor'
import type { LiveRoom, TalkEar } from './live.svelte'
import * as talk from './talk'
import { t } from './talk-words'
import type { Hello, Speaker, Totals } from './wire'

export class LiveTalk implements TalkEar {
  now = $state.raw<talk.Talk>(talk.silent)
  private readonly path: string
  /** Events that came while the server was asked. */
  private early: RoomEvent[] | null = []
  private read = false

  constructor(private readonly live: LiveRoom) {
    this.path = `/rooms/${live.view.id}`
    void this.ask()
  }

  private async ask(): Promise<void> {
    try {
      this.now = talk.told(this.now, await call<TalkView>('GET', `${this.path}/talk`))
    } catch {
      // The next hello brings it.
    }
    const early = this.early ?? []
    this.early = null
    this.hear(early)
    await this.readSubRoom()
  }
  /** What was said in the sub room before. */
  private async readSubRoom(): Promise<void> {
    if (!this.now.sub_room || this.read) return
    this.read = true
    try {
      const { items } = await call<List<RoomEvent>>('GET', `${this.path}/sub-room/messages`)
      const since = this.now.lines
      let past: readonly talk.SubLine[] = []
      for (const event of items) if (event.type === 'sub_room_said') past = talk.said(past, event, event.from.id === this.live.you?.id)
      const known = new Set(since.map(({ id }) => id))
      this.now = { ...this.now, lines: [...past.filter(({ id }) => !known.has(id)), ...since].slice(-chat.linesMax) }
    } catch {
      this.read = false
    }
  }

  hello(hello: Hello): void {
    this.early = null
    this.now = talk.told(this.now, hello.talk)
    this.read &&= this.now.sub_room
    void this.readSubRoom()
  }
  totals(totals: Totals): void {
    this.now = talk.counted(this.now, totals)
  }
  taken(taken: Taken): void {
    if (taken.reset) this.read = false
    if (this.early) this.early.push(...taken.events)
    else this.hear(taken.events)
  }
  private hear(events: readonly RoomEvent[]): void {
    for (const event of events) this.now = talk.heard(this.now, event, this.live.you?.id)
  }

  async say(text: string, me: Speaker, answers?: string): Promise<void> {
    const id = uuidv7()
    this.now = { ...this.now, lines: talk.saying(this.now.lines, id, me, text) }
    try {
      await call('POST', `${this.path}/sub-room/messages`, { id, text, ...(answers ? { answers } : {}) })
      this.now = { ...this.now, lines: chat.acknowledged(this.now.lines, id) }
    } catch (problem) {
      if (problem instanceof Problem && problem.status === 429) this.drop(id)
      else this.now = { ...this.now, lines: chat.failed(this.now.lines, id, explain(problem, t.problems)) }
      throw problem
    }
  }
  /** Says something in the chat, and asks it as a question. */
  async pose(text: string, me: Speaker): Promise<void> {
    const { live } = this
    const id = uuidv7()
    live.lines = chat.say(live.lines, id, me, text)
    try {
      await call('POST', `${this.path}/questions`, { id, text })
      live.lines = chat.acknowledged(live.lines, id)
    } catch (problem) {
      // Whoever asks keeps the words, and may say them without asking.
      live.drop(id)
      throw problem
    }
  }
  drop(id: string): void {
    this.now = { ...this.now, lines: chat.forget(this.now.lines, id) }
  }
  async vote(poll: PollView, choice: number): Promise<void> {
    await call('PUT', `${this.path}/polls/${poll.id}/vote`, { choice })
    this.now = talk.voted(this.now, poll.id, choice)
  }
  async back(question: Question): Promise<void> {
    const { votes } = await call<Question>('PUT', `${this.path}/questions/${question.message}/vote`)
    this.now = talk.backed(this.now, question.message, votes)
  }
}

const talks = new WeakMap<LiveRoom, LiveTalk>()
/** The talk of a live: one, whoever asks first. */
export function talkOf(live: LiveRoom): LiveTalk {
  let known = talks.get(live)
  if (!known) {
    known = new LiveTalk(live)
    live.talk = known
    talks.set(live, known)
  }
  return known
}
