/**
 * The rules of one room's chat as this screen sees them: how it is run, what waits for a moderator, who is hidden here.
 * Comes after the first frame; what the room told before is kept for it.
 */
import type { ChatMode, HeldMessage } from '$lib/api'
import { session } from '$lib/people/session.svelte'
import * as chat from './chat'
import type { LiveRoom } from './live.svelte'
import { blocks } from './stage-calls'
import type { Hello, RoomEvent } from './wire'

/** A raid that was told longer ago is none any more. */
const raidMs = 600_000

export class Moderation {
  mode = $state.raw<ChatMode | null>(null)
  held = $state.raw<readonly HeldMessage[]>([])
  /** Newcomers of a raid that nobody has answered. */
  raid = $state<number | null>(null)
  moderates = $state(false)
  private blocked: ReadonlySet<string> = new Set()

  constructor(private readonly live: LiveRoom) {}

  /** The room's hello tells all anew: what came before it, and is in it, is not told twice. */
  greeted(hello: Hello): void {
    this.mode = hello.chat
    this.held = hello.held ?? []
    this.moderates = hello.held !== null
  }

  listen(): void {
    for (const event of this.live.unheard.splice(0)) this.hear(event)
    this.live.aside = (event) => this.hear(event)
    if (session.person) void this.loadBlocks()
  }
  async loadBlocks(): Promise<void> {
    const list = await blocks().catch(() => null)
    if (list) this.hide(list.items.map(({ id }) => id))
  }
  hide(people: readonly string[]): void {
    this.blocked = new Set([...this.blocked, ...people])
    this.live.ui = { ...this.live.ui, hidden: this.blocked }
  }

  private hear(event: RoomEvent): void {
    const { live } = this
    switch (event.type) {
      case 'cleared':
        live.lines = chat.cleared(live.lines, event.person)
        break
      case 'shadowed':
        // Its author hears of it as of anything else that they say.
        if (event.from.id === live.you?.id) break
        live.lines = chat.heard(live.lines, { ...event, type: 'said' }, false).map((line) => (line.id === event.id ? { ...line, mark: 'shadowed' } : line))
        break
      case 'held_mine': {
        if (event.dismissed) live.drop(event.id)
        else if (live.you) {
          const said = { ...event, type: 'said' as const, from: live.you }
          live.lines = chat.heard(live.lines, said, true).map((line) => (line.id === event.id ? { ...line, mark: 'held' } : line))
        }
        break
      }
      case 'held':
        if (this.moderates && !this.held.some(({ id }) => id === event.held.id) && this.isNew(event)) this.held = [...this.held, event.held]
        break
      case 'held_ended':
        this.held = this.held.filter(({ id }) => id !== event.message)
        break
      case 'chat_mode':
        if (this.isNew(event)) this.mode = event.mode
        if (event.mode.raid_until) this.raid = null
        break
      case 'raid':
        if (Date.now() - Date.parse(event.at) < raidMs) this.raid = event.newcomers
    }
  }
  /** Told after the hello, which says where all before it led. */
  private isNew(event: RoomEvent): boolean {
    return event.n > (this.live.greeting?.room.seq ?? 0)
  }
}
