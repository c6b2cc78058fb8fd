/**
 * Where an overlay hears of its channel's live: asks with its secret which room is on, follows that room's socket, and
 * begins again whenever that ends. For ever: a browser source is set up once, and outlives lives, networks and servers.
 */
import type { OverlayShown, RoomEvent } from '$lib/api'
import { backoffMs } from '$lib/rooms/backoff'
import { Cursor } from '$lib/rooms/cursor'
import type { Frame, Hello } from '$lib/rooms/wire'

export interface Ears {
  /** How it looks from now on. */
  shown(shown: OverlayShown): void
  hello(hello: Hello): void
  /** `past` says that it happened before this screen was there. */
  event(event: RoomEvent, past: boolean): void
  /** What was shown belongs to another live, or to nobody any more. */
  forget(): void
}

/** How often it is asked for the next live, and whether a secret holds again. */
const restMs = 2_000
const shutMs = 15_000

export class Source {
  private cursor = new Cursor()
  private room = ''

  constructor(
    private readonly secret: string,
    private readonly ears: Ears,
  ) {}

  /** How it looks, once, if that can be had. */
  async look(): Promise<void> {
    const answer = await this.ask()
    if (typeof answer === 'object') this.ears.shown(answer)
  }

  async follow(): Promise<never> {
    for (let attempt = 0; ; ) {
      const answer = await this.ask()
      if (typeof answer === 'number') {
        const shut = answer === 404
        if (shut) this.leave()
        await sleep(shut ? shutMs : backoffMs(attempt++, Math.random()))
        continue
      }
      this.ears.shown(answer)
      if (!answer.room) {
        attempt = 0
        this.leave()
        await sleep(restMs * (0.75 + Math.random() / 2))
        continue
      }
      if (answer.room !== this.room) {
        this.leave()
        this.room = answer.room
      }
      if (await this.listen()) attempt = 0
      await sleep(backoffMs(attempt++, Math.random()))
    }
  }

  /** What the server says of it, or the status of its refusal; 0 when nothing was heard. */
  private async ask(): Promise<OverlayShown | number> {
    try {
      const headers = { authorization: `Bearer ${this.secret}` }
      const answer = await fetch('/api/v1/overlay', { headers, credentials: 'omit', cache: 'no-store', referrerPolicy: 'no-referrer' })
      return answer.ok ? ((await answer.json()) as OverlayShown) : answer.status
    } catch {
      return 0
    }
  }

  /** Follows the room until its socket ends; whether it was greeted. */
  private listen(): Promise<boolean> {
    return new Promise((ended) => {
      let greeted = false
      const { query } = this.cursor
      const scheme = location.protocol === 'https:' ? 'wss' : 'ws'
      const url = `${scheme}://${location.host}/ws/overlay?room=${this.room}${query.replace('?', '&')}`
      const socket = new WebSocket(url, ['busk.overlay', this.secret])
      socket.onclose = () => ended(greeted)
      socket.onmessage = ({ data }) => {
        const frame = JSON.parse(String(data)) as Frame
        if (!frame.hello && !frame.ev && !frame.gap) return
        const fresh = this.cursor.epoch === null
        const taken = this.cursor.take(frame)
        if (taken.lost) return socket.close()
        if (taken.reset) this.ears.forget()
        if (frame.hello) {
          greeted = true
          this.ears.hello(frame.hello)
        }
        for (const event of taken.events) {
          this.ears.event(event, fresh || taken.reset)
          if (event.type === 'room_state' && event.state === 'ended') socket.close()
        }
      }
    })
  }

  private leave(): void {
    if (this.room) this.ears.forget()
    this.room = ''
    this.cursor = new Cursor()
  }
}

function sleep(ms: number): Promise<void> {
  return new Promise((done) => setTimeout(done, ms))
}
