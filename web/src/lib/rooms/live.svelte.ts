/** One room as this screen sees it. The only place that changes it is the room log (and one's own pending lines). */
import { Problem, uuidv7, type Board, type RoomView } from '$lib/api'
import { expired, grown, type Banner } from '$lib/money/streaks'
import { bare, moved } from './board'
import * as chat from './chat'
import { RoomSocket, type Lost, type SocketSink } from './socket'
import type { Taken } from './cursor'
import { staged, type StageState } from './stage'
import type { GiftEvent, Hello, Redirect, RoomEvent, Sampled, Speaker, Totals } from './wire'

/** What a live talks about is looked after by a script of its own, which comes after the first frame. */
export interface TalkEar {
  hello(hello: Hello): void
  totals(totals: Totals): void
  taken(taken: Taken): void
}

export interface RoomEars {
  /** A gift that has just been given, never one from the past. */
  gift?(gift: GiftEvent): void
  ended?(redirect: Redirect | null): void
  /** One is not let in any more. */
  lost?(why: Lost): void
}

/** Events that are kept for whoever hears them later. */
const unheardMax = 400

export class LiveRoom implements SocketSink {
  view = $state.raw<RoomView>()!
  lines = $state.raw<chat.Line[]>([])
  banners = $state.raw<Banner[]>([])
  gifts = $state.raw<GiftEvent[]>([])
  stage = $state.raw<StageState | null>(null)
  board = $state.raw<Board>(bare)
  online = $state(true)
  /** Hearts that were tapped here, by all. */
  reactions = $state(0)
  /** Where the host takes everybody when this ends. */
  redirect = $state.raw<Redirect | null>(null)
  sampled = $state.raw<Sampled | null>(null)
  /** What the room said when we came, last. */
  greeting = $state.raw<Hello | null>(null)
  ui = $state.raw<chat.ChatUi>({})
  /** Takes what happens beside words and gifts; what comes before it is there waits. */
  aside: ((event: RoomEvent) => void) | null = null
  readonly unheard: RoomEvent[] = []
  talk?: TalkEar
  private readonly socket: RoomSocket
  private greeted = false
  private sweep: ReturnType<typeof setInterval> | undefined

  constructor(
    view: RoomView,
    private readonly ears: RoomEars = {},
  ) {
    this.view = view
    this.socket = new RoomSocket(view.id, this)
  }

  get you(): Speaker | null | undefined {
    return this.greeting?.you
  }
  get whole(): boolean {
    return !!this.greeting?.held || this.stage?.mine?.state === 'on'
  }
  open(): void {
    this.socket.open()
    this.sweep = setInterval(() => {
      if (this.banners.length > 0) this.banners = expired(this.banners, performance.now())
    }, 250)
  }
  close(): void {
    clearInterval(this.sweep)
    this.socket.close()
  }
  /** After signing in or taking a guest name: the room must know us by it. */
  reintroduce(): void {
    this.socket.again()
  }

  async say(text: string, me: Speaker): Promise<void> {
    const id = uuidv7()
    const reply_to = this.ui.answered?.id
    this.ui = { hidden: this.ui.hidden }
    this.lines = chat.say(this.lines, id, me, text)
    try {
      await this.socket.ask({ do: 'say', id, text, reply_to })
      this.lines = chat.acknowledged(this.lines, id)
    } catch (problem) {
      // Who was too quick gets the words back to send again; they need not stand here as well.
      if (problem instanceof Problem && problem.status === 429) this.drop(id)
      else this.lines = chat.failed(this.lines, id, '')
      throw problem
    }
  }
  react(count: number): void {
    this.socket.send({ do: 'react', count })
  }
  async delete(message: string): Promise<void> {
    await this.socket.ask({ do: 'delete', id: uuidv7(), message })
  }
  pick(picked?: chat.Line): void {
    this.ui = { ...this.ui, picked }
  }
  drop(id: string): void {
    this.lines = chat.forget(this.lines, id)
  }

  hello(hello: Hello): void {
    this.talk?.hello(hello)
    this.greeting = hello
    this.sampled = null
    this.stage = hello.stage
    this.board = hello.board
    this.reactions = hello.reactions
    this.view = { ...hello.room, mine: this.view.mine || hello.room.mine }
  }
  connected(yes: boolean): void {
    this.online = yes
  }
  lost(why: Lost): void {
    this.ears.lost?.(why)
  }
  totals(totals: Totals): void {
    this.talk?.totals(totals)
    const { viewers, top, sampled } = totals
    this.reactions = totals.reactions ?? this.reactions
    if (sampled !== undefined) this.sampled = sampled
    this.view = { ...this.view, viewers }
    if (top) this.board = { ...this.board, top }
  }
  taken(taken: Taken): void {
    this.talk?.taken(taken)
    if (taken.reset) {
      this.lines = this.lines.filter((line) => line.state === 'sending' || line.state === 'failed')
      this.gifts = []
    }
    if (taken.gap) this.lines = chat.gapMark(this.lines, taken.gap)
    const past = !this.greeted
    for (const event of taken.events) this.apply(event, past)
    this.greeted = true
  }

  private apply(event: RoomEvent, past: boolean): void {
    switch (event.type) {
      case 'said':
        this.lines = chat.heard(this.lines, event, event.from.id === this.you?.id)
        break
      case 'deleted':
        this.lines = chat.deleted(this.lines, event)
        break
      case 'gift':
        this.gifts = [...this.gifts.slice(-99), event]
        this.lines = chat.given(this.lines, event)
        if (past) break
        this.banners = grown(this.banners, event, performance.now())
        this.ears.gift?.(event)
        break
      case 'badge':
      case 'subscription':
      case 'subscription_gift':
        this.lines = chat.bought(this.lines, event)
        break
      case 'goal':
        // The hello has told where all past ones led.
        if (!past) this.board = moved(this.board, event)
        break
      case 'room_state':
        this.view = { ...this.view, state: event.state, resume_until: event.resume_until ?? null }
        if (event.state === 'ended' && !past) this.ears.ended?.(this.redirect)
        break
      case 'redirect':
        if (!past) this.redirect = event
        break
      case 'arrivals':
      case 'announcement':
      case 'follow':
        this.lines = chat.told(this.lines, event)
        break
      case 'title':
        this.view = { ...this.view, title: event.title }
        break
      case 'stage':
      case 'stage_waiting':
      case 'stage_mine':
        // The hello has told where all past ones led.
        if (!past && this.stage) this.stage = staged(this.stage, event)
        break
      default:
        if (this.aside) this.aside(event)
        else if (this.unheard.push(event) > unheardMax) this.unheard.shift()
    }
  }
}

