/** What an overlay has on screen. Events go in; components draw what is here. */
import type { Goal, OverlayKind, OverlayLook, OverlayShown, RoomEvent, Spotlight } from '$lib/api'
import { alertOf, arrived, empty, passed, type Queue } from '$lib/overlays/alerts'
import { heard, lasting, type Line } from '$lib/overlays/lines'
import { plain } from '$lib/overlays/look'
import { Sound } from '$lib/overlays/sound'
import type { Ears } from '$lib/overlays/source'
import type { Hello } from '$lib/rooms/wire'

const beatMs = 100

export class Screen implements Ears {
  kind = $state<OverlayKind>('alerts')
  look = $state.raw<OverlayLook>(plain('alerts'))
  currency = $state('USD')
  gifts = $state.raw<OverlayShown['gifts']>([])
  queue = $state.raw<Queue>(empty)
  lines = $state.raw<readonly Line[]>([])
  goals = $state.raw<readonly Goal[]>([])
  spotlight = $state.raw<Spotlight | null>(null)
  /** It follows a live. */
  live = $state(false)
  readonly sound = new Sound()
  /** Nothing is heard. */
  quiet = false

  constructor() {
    setInterval(() => this.beat(performance.now()), beatMs)
  }

  dress(kind: OverlayKind, look: OverlayLook): void {
    this.kind = kind
    this.look = look
    if (look.chat) this.lines = this.lines.slice(-look.chat.lines)
  }

  shown({ kind, look, currency, gifts }: OverlayShown): void {
    this.currency = currency
    this.gifts = gifts
    this.dress(kind, look)
  }
  hello(hello: Hello): void {
    this.live = true
    this.goals = hello.board.goals
    this.spotlight = hello.talk.spotlight
  }
  forget(): void {
    this.live = false
    this.lines = []
    this.goals = []
    this.spotlight = null
  }
  event(event: RoomEvent, past: boolean): void {
    const now = performance.now()
    if (this.look.chat) this.lines = heard(this.lines, event, now, this.look.chat.lines)
    // Where past ones led has the hello told; and nobody is thanked twice.
    if (past) return
    switch (event.type) {
      case 'goal':
        this.goals = moved(this.goals, event.goal)
        break
      case 'spotlight':
        this.spotlight = event.spotlight
        break
      case 'spotlight_end':
        if (this.spotlight?.id === event.spotlight) this.spotlight = null
        break
      default:
        this.alert(event, now)
    }
  }

  private alert(event: RoomEvent, now: number): void {
    const look = this.look.alerts
    const alert = look && alertOf(event, look)
    if (!alert) return
    this.next(arrived(this.queue, alert, now, look.seconds * 1000))
  }

  private beat(now: number): void {
    const { alerts, chat } = this.look
    if (chat) this.lines = lasting(this.lines, now, chat.seconds)
    if (alerts) this.next(passed(this.queue, now, alerts.seconds * 1000))
  }

  /** An alert that comes is heard, and one that grows. */
  private next(queue: Queue): void {
    const [before, after] = [this.queue.shown, queue.shown]
    if (queue === this.queue) return
    this.queue = queue
    const look = this.look.alerts
    if (!after || !look?.sound || this.quiet) return
    const volume = look.volume_percent / 100
    if (after.id !== before?.id) this.sound.play(after.kind, volume)
    else if (after.count > before.count) this.sound.grow(after.count, volume)
  }
}

/** A goal as it is now takes the place of the same one, stands last when it is new, and goes when it was removed. */
function moved(goals: readonly Goal[], goal: Goal): readonly Goal[] {
  if (goal.state === 'removed') return goals.filter(({ id }) => id !== goal.id)
  const known = goals.some(({ id }) => id === goal.id)
  return known ? goals.map((each) => (each.id === goal.id ? goal : each)) : [...goals, goal]
}
