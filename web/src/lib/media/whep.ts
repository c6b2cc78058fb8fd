/**
 * Plays a room by WHEP (draft-ietf-wish-whep): one POST with the offer of a picture and a sound for each seat. Those
 * of an empty seat are silent until somebody sits down: no new offer is needed then. The server is ICE-lite and finds
 * us by our checks, so the offer does not wait for candidates.
 */
import { problemOf } from '$lib/api'
import { backoffMs } from '$lib/rooms/backoff'
import type { Player, Sink } from './player'

const graceMs = 2_500
/** Refusals by which WHEP can never play this room in this browser. */
const noWhep = ['hls_only', 'no_h264', 'no_opus']
/** No room, no camera on air, or a proxy without its server: nothing to be had by HLS either. */
const nothingThere = [404, 409, 502, 504]

export class WhepPlayer implements Player {
  private peer: RTCPeerConnection | null = null
  /** Its address, while there is one. */
  session: string | null = null
  private timer: ReturnType<typeof setTimeout> | undefined
  private attempt = 0
  private closed = false
  /** Grows with each try, so that an answer to an abandoned one is not used. */
  private turn = 0

  constructor(
    private readonly room: string,
    private readonly sink: Sink,
    private readonly seats = 1,
    /** Without what we publish ourselves. */
    private readonly others = false,
  ) {}

  async open(): Promise<void> {
    clearTimeout(this.timer)
    const turn = ++this.turn
    this.leave()
    if (this.closed) return
    // Some browsers can be told to have no WebRTC at all.
    if (!('RTCPeerConnection' in globalThis)) return this.sink.refused('hls_only')
    this.sink.state('connecting')
    const peer = new RTCPeerConnection({ bundlePolicy: 'max-bundle' })
    this.peer = peer
    const streams = Array.from({ length: this.seats }, () => {
      const tracks = ['video', 'audio'].map((kind) => {
        const { receiver } = peer.addTransceiver(kind, { direction: 'recvonly' })
        // Live conversation: a short playout buffer matters more than a perfect one.
        if ('jitterBufferTarget' in receiver) receiver.jitterBufferTarget = 60
        return receiver.track
      })
      return new MediaStream(tracks)
    })
    peer.onconnectionstatechange = () => this.changed(peer)
    try {
      await peer.setLocalDescription(await peer.createOffer())
      const answer = await fetch(`/whep/${this.room}${this.others ? '?own=false' : ''}`, {
        method: 'POST',
        headers: { 'content-type': 'application/sdp' },
        body: peer.localDescription!.sdp,
      })
      if (turn !== this.turn) return drop(answer.headers.get('location'))
      if (answer.status !== 201) return await this.refused(answer, turn)
      this.session = answer.headers.get('location')
      await peer.setRemoteDescription({ type: 'answer', sdp: await answer.text() })
      this.sink.streams(streams)
    } catch {
      if (turn === this.turn) this.retry(0, 'absent')
    }
  }

  /** Null while there is no connection. */
  async report(): Promise<RTCStatsReport | null> {
    return (await this.peer?.getStats()) ?? null
  }

  close(ended = false): void {
    this.closed = true
    if (ended) this.session = null
    this.turn++
    clearTimeout(this.timer)
    this.leave()
  }

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

  private async refused(answer: Response, turn: number): Promise<void> {
    const { kind } = await problemOf(answer)
    if (turn !== this.turn) return
    // Goes on trying, unless the one who is told closes us.
    this.retry(Number(answer.headers.get('retry-after')) * 1000, nothingThere.includes(answer.status) ? 'absent' : 'waiting')
    if (answer.status === 503) this.sink.refused('full')
    else if (noWhep.includes(kind)) this.sink.refused('hls_only')
  }

  private retry(afterMs: number, as: 'waiting' | 'absent' = 'waiting'): void {
    if (this.closed) return
    this.leave()
    this.sink.state(as)
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
