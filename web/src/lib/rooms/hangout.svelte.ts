/** A hangout as this screen sees it: a room, with what only hangouts have. */
import type { Hello } from './wire'
import { LiveRoom } from './live.svelte'
import type { Taken } from './cursor'

export type Outcome = 'refused' | 'withdrawn' | 'changed' | 'no_camera' | 'other_open'

export class HangoutRoom extends LiveRoom {
  /** How a vote has just ended. */
  onoutcome: (outcome: Outcome) => void = () => undefined
  private told = false

  override hello(hello: Hello): void {
    this.told = true
    super.hello(hello)
  }
  override taken(taken: Taken): void {
    super.taken(taken)
    // What came with a hello is past, and the hello has told where it led.
    const past = this.told
    this.told = false
    if (past || !this.stage) return
    for (const event of taken.events) {
      if (event.type !== 'hangout') continue
      const { locked, vote = null, outcome = null } = event
      const had = this.stage.hangout?.vote
      this.stage = { ...this.stage, hangout: { locked, vote, outcome } }
      if (had && !vote && outcome) this.onoutcome(outcome)
    }
  }
}
