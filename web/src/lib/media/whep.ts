/**
 * Plays a room by WHEP (draft-ietf-wish-whep): one POST with the offer, the answer's tracks in one MediaStream.
 * The server is ICE-lite and finds us by our checks, so the offer does not wait for candidates.
 */
import { backoffMs } from '$lib/rooms/backoff'

export interface WhepSink {
  stream(stream: MediaStream): void
  state(state: 'connecting' | 'playing' | 'waiting'): void
}

const graceMs = 2_500

export class WhepPlayer {
  private peer: RTCPeerConnection | null = null
  private session: string | null = null
  private timer: ReturnType<typeof setTimeout> | undefined
  private attempt = 0
  private closed = false
  /** Grows with each try, so that an answer to an abandoned one is not used. */
  private turn = 0

  constructor(
    private readonly room: string,
    private readonly sink: WhepSink,
  ) {}

  async open(): Promise<void> {
    clearTimeout(this.timer)
    const turn = ++this.turn
    this.leave()
    if (this.closed) return
    this.sink.state('connecting')
    const peer = new RTCPeerConnection({ bundlePolicy: 'max-bundle' })
    this.peer = peer
    const stream = new MediaStream()
    peer.addTransceiver('video', { direction: 'recvonly' })
    peer.addTransceiver('audio', { direction: 'recvonly' })
    peer.ontrack = ({ track, receiver }) => {
      // Live conversation: a short playout buffer matters more than a perfect one.
      if ('jitterBufferTarget' in receiver) receiver.jitterBufferTarget = 60
      stream.addTrack(track)
      this.sink.stream(stream)
    }
    peer.onconnectionstatechange = () => this.changed(peer)
    try {
      await peer.setLocalDescription(await peer.createOffer())
      const answer = await fetch(`/whep/${this.room}`, {
        method: 'POST',
        headers: { 'content-type': 'application/sdp' },
        body: peer.localDescription!.sdp,
      })
      if (turn !== this.turn) return drop(answer.headers.get('location'))
      if (answer.status !== 201) return this.retry(Number(answer.headers.get('retry-after')) * 1000)
      this.session = answer.headers.get('location')
      await peer.setRemoteDescription({ type: 'answer', sdp: await answer.text() })
    } catch {
      if (turn === this.turn) this.retry(0)
    }
  }

  /** `ended`: the room is over, and the server has let the session go by itself. */
  close(ended = false): void {
    this.closed = true
    if (ended) this.session = null
    this.turn++
    clearTimeout(this.timer)
    this.leave()
  }

  /** The picture moves: the next break starts counting from nothing. */
  healthy(): void {
    this.attempt = 0
  }

  private changed(peer: RTCPeerConnection): void {
    if (peer !== this.peer) return
    clearTimeout(this.timer)
    switch (peer.connectionState) {
      case 'connected':
        this.sink.state('playing')
        break
      case 'disconnected':
        // Often heals by itself within a second or two.
        this.timer = setTimeout(() => this.retry(0), graceMs)
        break
      case 'failed':
        this.retry(0)
        break
    }
  }

  private retry(afterMs: number): void {
    if (this.closed) return
    this.leave()
    this.sink.state('waiting')
    const ms = Math.max(afterMs || 0, backoffMs(this.attempt++, Math.random(), 500, 8_000))
    this.timer = setTimeout(() => void this.open(), ms)
  }

  private leave(): void {
    this.peer?.close()
    this.peer = null
    drop(this.session)
    this.session = null
  }
}

function drop(session: string | null): void {
  if (session) void fetch(session, { method: 'DELETE', keepalive: true }).catch(() => undefined)
}
