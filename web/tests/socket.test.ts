/** The socket's part of the protocol, against a pretend WebSocket. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { RoomSocket, type SocketSink } from '../src/lib/rooms/socket'

class FakeSocket {
  static readonly OPEN = 1
  static all: FakeSocket[] = []
  readyState = 0
  sent: { do: string; id: string }[] = []
  onmessage: ((message: { data: string }) => void) | null = null
  onclose: ((event: { code: number }) => void) | null = null
  constructor(readonly url: string) {
    FakeSocket.all.push(this)
  }
  send(text: string): void {
    this.sent.push(JSON.parse(text))
  }
  close(code = 1006): void {
    this.readyState = 3
    this.onclose?.({ code })
  }
  hear(frame: object): void {
    this.readyState = 1
    this.onmessage?.({ data: JSON.stringify({ v: 1, ...frame }) })
  }
  greet(seq = 5): void {
    this.hear({ epoch: 1, seq, hello: { you: null, room: { epoch: 1 }, reset: false }, ev: [] })
  }
}
const last = () => FakeSocket.all.at(-1)!
const sink = { hello: vi.fn(), taken: vi.fn(), totals: vi.fn(), connected: vi.fn(), lost: vi.fn() } satisfies SocketSink
const say = { do: 'say', id: 'm1', text: 'hi' } as const

beforeEach(() => {
  vi.useFakeTimers()
  FakeSocket.all = []
  vi.stubGlobal('WebSocket', FakeSocket)
  vi.stubGlobal('location', { protocol: 'https:', host: 'busk.test' })
})
afterEach(() => {
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

function open(): RoomSocket {
  const socket = new RoomSocket('r1', sink)
  socket.open()
  return socket
}

test('comes back by number after a break', () => {
  open()
  expect(last().url).toBe('wss://busk.test/ws/rooms/r1')
  last().greet(41)
  last().close()
  vi.runOnlyPendingTimers()
  expect(FakeSocket.all).toHaveLength(2)
  expect(last().url).toBe('wss://busk.test/ws/rooms/r1?after=41&epoch=1')
})

test('a command asked for while coming back goes out after the hello', async () => {
  const socket = open()
  last().greet()
  socket.again()
  const answer = socket.ask(say)
  expect(last().sent).toEqual([])
  last().greet()
  expect(last().sent).toEqual([say])
  last().hear({ re: 'm1', ok: { n: 6 } })
  await expect(answer).resolves.toEqual({ n: 6 })
})

test('a command whose answer was lost is sent again under the same id, and not after its answer', async () => {
  const socket = open()
  last().greet()
  const answer = socket.ask(say)
  const first = last()
  first.close()
  vi.advanceTimersByTime(500)
  last().greet()
  expect([first.sent, last().sent]).toEqual([[say], [say]])
  last().hear({ re: 'm1', ok: {} })
  await answer
  socket.again()
  last().greet()
  expect(last().sent).toEqual([])
})

test('a refusal is a problem; silence is offline after a while', async () => {
  const socket = open()
  last().greet()
  const refused = socket.ask(say)
  last().hear({ re: 'm1', problem: { type: '/problems/too_fast', title: 'slow', status: 429 } })
  await expect(refused).rejects.toMatchObject({ kind: 'too_fast', status: 429 })
  const silent = socket.ask({ ...say, id: 'm2' })
  vi.advanceTimersByTime(9_000)
  await expect(silent).rejects.toMatchObject({ offline: true })
})

test('another log makes it ask again from the last number known', () => {
  open()
  last().greet(5)
  last().hear({ epoch: 2, seq: 8, ev: [{ n: 8, at: '', type: 'title', title: 'x' }] })
  expect(last().url).toBe('wss://busk.test/ws/rooms/r1?after=5&epoch=1')
})

test('closed is closed', () => {
  const socket = open()
  last().greet()
  socket.close()
  vi.runOnlyPendingTimers()
  expect(FakeSocket.all).toHaveLength(1)
})

test.each([4005, 4006])('close code %d says so and does not come back', (code) => {
  const socket = open()
  last().greet()
  last().close(code)
  expect(sink.lost).toHaveBeenLastCalledWith(code)
  vi.runOnlyPendingTimers()
  socket.again()
  expect(FakeSocket.all).toHaveLength(1)
})
