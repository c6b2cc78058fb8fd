/**
 * Where this screen stands in the room log. No I/O: frames go in, the events that are new come out.
 * Invariant: an event is handed out at most once. Numbers that are absent belong to events for others.
 */
import type { Frame, RoomEvent } from './wire'

export interface Taken {
  events: RoomEvent[]
  /** What was shown before belongs to another log: forget it. */
  reset: boolean
  /** The server skipped these for a slow reader and says so. */
  gap: { from: number; to: number } | null
  /** The log is another one by now: connect again. */
  lost: boolean
}

export class Cursor {
  epoch: number | null = null
  last = 0

  /** The query that continues where this screen stands; empty for a first visit. */
  get query(): string {
    return this.epoch === null ? '' : `?after=${this.last}&epoch=${this.epoch}`
  }

  take(frame: Frame): Taken {
    const taken: Taken = { events: [], reset: false, gap: null, lost: false }
    if (frame.hello) {
      const fresh = this.epoch === null
      taken.reset = !fresh && (frame.hello.reset || frame.epoch !== this.epoch)
      if (fresh || taken.reset) {
        this.last = 0
        taken.events = frame.ev ?? []
      } else {
        taken.events = (frame.ev ?? []).filter((event) => event.n > this.last)
      }
      this.epoch = frame.epoch ?? frame.hello.room.epoch
      this.last = Math.max(this.last, frame.seq ?? 0, taken.events.at(-1)?.n ?? 0)
      return taken
    }
    if (frame.epoch !== undefined && this.epoch !== null && frame.epoch !== this.epoch) {
      taken.lost = true
      return taken
    }
    if (frame.gap && frame.gap.to > this.last) {
      taken.gap = frame.gap
      this.last = frame.gap.to
    }
    for (const event of frame.ev ?? []) {
      if (event.n <= this.last) continue
      this.last = event.n
      taken.events.push(event)
    }
    this.last = Math.max(this.last, frame.seq ?? 0)
    return taken
  }
}
