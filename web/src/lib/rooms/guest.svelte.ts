/**
 * A viewer's way onto the stage and off it again: the camera is opened for a look, published once the seat is theirs,
 * and let go when it is not any more. Where one stands is told by the room; this only follows.
 */
import { Devices } from '$lib/media/devices.svelte'
import { guestCamera, WhipPublisher, type WhipState } from '$lib/media/whip'
import { toasts } from '$lib/ui/toasts.svelte'
import * as calls from './stage-calls'
import { explain, t } from './stage-words'

export class Guest {
  camera = $state<WhipState>('closed')
  /** A deed of ours that the server has not answered yet. */
  busy = $state(false)
  readonly devices = new Devices((stream) => void this.publisher?.replace(stream))
  private publisher: WhipPublisher | null = null

  constructor(private readonly room: string) {}

  /** Does it, and says what was in the way. */
  async attempt(deed: () => Promise<unknown>): Promise<boolean> {
    this.busy = true
    try {
      await deed()
      return true
    } catch (problem) {
      toasts.say(explain(problem), 'danger')
      return false
    } finally {
      this.busy = false
    }
  }

  /** The seat is ours: on air with the camera that was looked at. */
  async goOn(): Promise<void> {
    if (this.publisher) return
    if (!this.devices.stream) await this.devices.open()
    const { stream, trouble } = this.devices
    if (!stream) return trouble ? toasts.say(t.troubles[trouble], 'danger') : undefined
    const publisher = new WhipPublisher(guestCamera(this.room), stream, (state) => (this.camera = state))
    this.publisher = publisher
    try {
      // What was switched off for the look stays off on stage.
      const { muted, covered } = this.devices
      if (muted || covered) await calls.flip(this.room, { muted, hidden: covered })
      await publisher.publish()
    } catch (problem) {
      if (this.publisher !== publisher) return
      this.letGo()
      toasts.say(explain(problem), 'danger')
    }
  }

  /** The microphone and the camera only turn on when the server lets them. */
  async mute(yes: boolean): Promise<void> {
    if (yes) this.devices.mute(true)
    if (await this.attempt(() => calls.flip(this.room, { muted: yes }))) this.devices.mute(yes)
  }
  async cover(yes: boolean): Promise<void> {
    if (yes) this.devices.cover(true)
    if (await this.attempt(() => calls.flip(this.room, { hidden: yes }))) this.devices.cover(yes)
  }

  /** Nothing of us is seen or heard any more, here or there; the server has let the session go by itself. */
  letGo(): void {
    void this.publisher?.close(true)
    this.publisher = null
    this.devices.close()
  }
}
