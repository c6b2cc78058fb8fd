/**
 * The room's WebSocket: connects, comes back by number after a break, carries commands. A command waits for its
 * answer through breaks: it is sent again after each hello, under the same id, so it is done once.
 */
import { Problem } from '$lib/api'
import { backoffMs } from './backoff'
import { Cursor, type Taken } from './cursor'
import type { Command, Frame, Hello, React, Totals } from './wire'

/**
 * Close codes that nobody comes back after by themselves: the ticket or subscription does not hold any more (4005), or
 * plays on other devices now (4006). A type, as constants of these would weigh on the watch page's first script.
 */
export type Lost = 4005 | 4006

export interface SocketSink {
  hello(hello: Hello): void
  taken(taken: Taken): void
  totals(totals: Totals): void
  connected(yes: boolean): void
  lost(why: Lost): void
}

interface Waiter {
  command: Command
  resolve(ok: unknown): void
  reject(problem: Problem): void
}
const answerMsMax = 8_000

export class RoomSocket {
  private readonly cursor = new Cursor()
  private readonly waiting = new Map<string, Waiter>()
  private greeted = false
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
    this.greeted = false
    socket.onmessage = (message) => {
      if (this.socket === socket) this.take(JSON.parse(String(message.data)) as Frame)
    }
    socket.onclose = ({ code }) => {
      if (this.socket === socket) this.dropped(code)
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
      const timer = setTimeout(() => this.settle(command.id, (waiter) => waiter.reject(offline())), answerMsMax)
      this.waiting.set(command.id, {
        command,
        resolve: (ok) => (clearTimeout(timer), resolve(ok)),
        reject: (problem) => (clearTimeout(timer), reject(problem)),
      })
      if (this.greeted) this.send(command)
    })
  }

  send(command: Command | React): void {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(command))
  }

  private take(frame: Frame): void {
    if (frame.re) {
      const { re, ok, problem } = frame
      this.settle(re, (waiter) => (problem ? waiter.reject(new Problem(problem)) : waiter.resolve(ok)))
    }
    if (frame.totals) this.sink.totals(frame.totals)
    if (!frame.hello && !frame.ev && !frame.gap) return
    const taken = this.cursor.take(frame)
    if (frame.hello) {
      this.attempt = 0
      this.greeted = true
      for (const { command } of this.waiting.values()) this.send(command)
      this.sink.hello(frame.hello)
      this.sink.connected(true)
    }
    this.sink.taken(taken)
    if (taken.lost) this.again()
  }

  private settle(id: string, how: (waiter: Waiter) => void): void {
    const waiter = this.waiting.get(id)
    if (!waiter) return
    this.waiting.delete(id)
    how(waiter)
  }

  private dropped(code: number): void {
    this.socket = null
    this.sink.connected(false)
    this.greeted = false
    if (code === 4005 || code === 4006) {
      this.closed = true
      this.sink.lost(code)
    }
    if (!this.closed) this.timer = setTimeout(() => this.open(), backoffMs(this.attempt++, Math.random()))
  }
}

function offline(): Problem {
  return new Problem({ type: 'offline', title: 'offline', status: 0 })
}
