/** The room's WebSocket: connects, answers commands, comes back by number after a break. */
import { Problem } from '$lib/api'
import { backoffMs } from './backoff'
import { Cursor, type Taken } from './cursor'
import type { Command, Frame, Hello } from './wire'

export interface SocketSink {
  hello(hello: Hello): void
  taken(taken: Taken): void
  viewers(n: number): void
  connected(yes: boolean): void
}

const answerMsMax = 8_000

export class RoomSocket {
  private readonly cursor = new Cursor()
  private readonly waiting = new Map<string, { resolve(ok: unknown): void; reject(problem: Problem): void }>()
  private socket: WebSocket | null = null
  private timer: ReturnType<typeof setTimeout> | undefined
  private attempt = 0
  private closed = false

  constructor(
    private readonly room: string,
    private readonly sink: SocketSink,
  ) {}

  open(): void {
    clearTimeout(this.timer)
    if (this.closed) return
    const scheme = location.protocol === 'https:' ? 'wss' : 'ws'
    const socket = new WebSocket(`${scheme}://${location.host}/ws/rooms/${this.room}${this.cursor.query}`)
    this.socket = socket
    socket.onmessage = (message) => {
      if (this.socket === socket) this.take(JSON.parse(String(message.data)) as Frame)
    }
    socket.onclose = () => {
      if (this.socket === socket) this.dropped()
    }
  }

  /** Comes back at once, for instance as someone who has just signed in. */
  again(): void {
    const old = this.socket
    this.socket = null
    old?.close()
    this.open()
  }

  close(): void {
    this.closed = true
    clearTimeout(this.timer)
    this.socket?.close()
  }

  /** Sends and waits for the answer that names the command. */
  ask(command: Command): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (this.socket?.readyState !== WebSocket.OPEN) return reject(offline())
      const timer = setTimeout(() => this.settle(command.id, (w) => w.reject(offline())), answerMsMax)
      this.waiting.set(command.id, {
        resolve: (ok) => (clearTimeout(timer), resolve(ok)),
        reject: (problem) => (clearTimeout(timer), reject(problem)),
      })
      this.socket.send(JSON.stringify(command))
    })
  }

  private take(frame: Frame): void {
    if (frame.re) {
      const { re, ok, problem } = frame
      this.settle(re, (waiter) => (problem ? waiter.reject(new Problem(problem)) : waiter.resolve(ok)))
    }
    if (frame.totals) this.sink.viewers(frame.totals.viewers)
    if (!frame.hello && !frame.ev && !frame.gap) return
    const taken = this.cursor.take(frame)
    if (frame.hello) {
      this.attempt = 0
      this.sink.hello(frame.hello)
      this.sink.connected(true)
    }
    this.sink.taken(taken)
    if (taken.lost) this.again()
  }

  private settle(id: string, how: (waiter: { resolve(ok: unknown): void; reject(problem: Problem): void }) => void): void {
    const waiter = this.waiting.get(id)
    if (!waiter) return
    this.waiting.delete(id)
    how(waiter)
  }

  private dropped(): void {
    this.socket = null
    this.sink.connected(false)
    for (const id of [...this.waiting.keys()]) this.settle(id, (waiter) => waiter.reject(offline()))
    if (!this.closed) this.timer = setTimeout(() => this.open(), backoffMs(this.attempt++, Math.random()))
  }
}

function offline(): Problem {
  return new Problem({ type: 'offline', title: 'offline', status: 0 })
}
