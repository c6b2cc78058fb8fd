/**
 * Publishes a camera by WHIP (RFC 9725): the channel's as its signed-in owner, or a guest's on stage. After a break it
 * comes back by itself with a new session, so that the room is resumed and not ended.
 */
import { Problem, problemOf } from '$lib/api'
import { backoffMs } from '$lib/rooms/backoff'

export type WhipState = 'connecting' | 'connected' | 'broken' | 'closed'
const bitrateMax = 2_500_000
const connectMsMax = 10_000
const graceMs = 3_000
const leaveMsMax = 1_500

/** The picture in three sizes at once, as the server names them: a viewer gets the one that fits. 3.25 Mbit/s in all. */
const layered: RTCRtpEncodingParameters[] = [
  { rid: 'l', scaleResolutionDownBy: 4, maxBitrate: 150_000 },
  { rid: 'm', scaleResolutionDownBy: 2, maxBitrate: 600_000 },
  { rid: 'h', scaleResolutionDownBy: 1, maxBitrate: bitrateMax },
]
export const ownCamera = (handle: string): string => `/whip/${encodeURIComponent(handle)}`
export const guestCamera = (room: string): string => `/whip/rooms/${room}/stage`

export class WhipPublisher {
  private peer: RTCPeerConnection | null = null
  private session: string | null = null
  private timer: ReturnType<typeof setTimeout> | undefined
  private attempt = 0
  private closed = false

  constructor(
    private readonly endpoint: string,
    private stream: MediaStream,
    private readonly changed: (state: WhipState) => void,
  ) {}

  /** Resolves when media flows; rejects with the server's refusal. */
  async publish(): Promise<void> {
    await this.leave()
    this.changed('connecting')
    if (__MOCK_VIDEO__) return this.changed('connected')
    const peer = new RTCPeerConnection({ bundlePolicy: 'max-bundle' })
    this.peer = peer
    for (const track of this.stream.getTracks()) {
      const video = track.kind === 'video'
      // A copy: a browser may write into what it is given.
      const sendEncodings = video ? { sendEncodings: layered.map((layer) => ({ ...layer })) } : {}
      const sender = peer.addTransceiver(track, { direction: 'sendonly', streams: [this.stream], ...sendEncodings })
      if (video) preferH264(sender)
    }
    await peer.setLocalDescription(await peer.createOffer())
    const answer = await fetch(this.endpoint, {
      method: 'POST',
      headers: { 'content-type': 'application/sdp' },
      body: peer.localDescription!.sdp,
    })
    if (answer.status !== 201) throw await problemOf(answer)
    this.session = answer.headers.get('location')
    await peer.setRemoteDescription({ type: 'answer', sdp: await answer.text() })
    await limit(peer)
    await this.connected(peer)
  }

  /** Another camera or microphone, in the middle of the live: no new session. */
  async replace(stream: MediaStream): Promise<void> {
    this.stream = stream
    for (const sender of this.peer?.getSenders() ?? []) {
      const next = stream.getTracks().find((track) => track.kind === sender.track?.kind)
      if (next) await sender.replaceTrack(next)
    }
  }

  /** `ended`: the room is over, and the server has let the session go by itself. */
  async close(ended = false): Promise<void> {
    this.closed = true
    if (ended) this.session = null
    clearTimeout(this.timer)
    await this.leave()
    this.changed('closed')
  }

  private connected(peer: RTCPeerConnection): Promise<void> {
    return new Promise((resolve, reject) => {
      const timeout = setTimeout(() => reject(unreachable()), connectMsMax)
      const look = (): void => {
        if (peer !== this.peer) return
        clearTimeout(this.timer)
        if (peer.connectionState === 'connected') {
          clearTimeout(timeout)
          this.attempt = 0
          this.changed('connected')
          resolve()
        } else if (peer.connectionState === 'disconnected') {
          this.timer = setTimeout(() => this.broken(), graceMs)
        } else if (peer.connectionState === 'failed') {
          clearTimeout(timeout)
          reject(unreachable())
          this.broken()
        }
      }
      peer.onconnectionstatechange = look
      // It may have connected while we were setting its limits.
      look()
    })
  }

  private broken(): void {
    if (this.closed) return
    this.changed('broken')
    this.timer = setTimeout(() => {
      this.publish().catch(() => this.broken())
    }, backoffMs(this.attempt++, Math.random(), 500, 5_000))
  }

  /** Gives the place back before it is asked for again: there is one camera per channel. */
  private async leave(): Promise<void> {
    this.peer?.close()
    this.peer = null
    const { session } = this
    this.session = null
    if (session) await fetch(session, { method: 'DELETE', keepalive: true, signal: AbortSignal.timeout(leaveMsMax) }).catch(() => undefined)
  }
}

/** H.264 reaches every viewer without transcoding; what else the browser knows stays as a fallback. */
function preferH264(transceiver: RTCRtpTransceiver): void {
  const codecs = RTCRtpSender.getCapabilities('video')?.codecs ?? []
  const rank = (mime: string) => (mime === 'video/H264' ? 0 : 1)
  if (codecs.length > 0) transceiver.setCodecPreferences([...codecs].sort((a, b) => rank(a.mimeType) - rank(b.mimeType)))
}

async function limit(peer: RTCPeerConnection): Promise<void> {
  for (const sender of peer.getSenders()) {
    if (sender.track?.kind !== 'video') continue
    const wanted = sender.getParameters()
    // An answer without layers leaves the first of them, which is the smallest: it is then the whole picture.
    const layers = wanted.encodings.length > 1
    for (const encoding of wanted.encodings) {
      encoding.maxFramerate = 30
      if (layers) continue
      encoding.maxBitrate = bitrateMax
      encoding.scaleResolutionDownBy = 1
    }
    await sender.setParameters(wanted).catch(() => undefined)
  }
}

function unreachable(): Problem {
  return new Problem({ type: 'media_unreachable', title: 'media unreachable', status: 0 })
}
