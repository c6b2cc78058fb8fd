/**
 * Plays a room by low-latency HLS, or its replay: hls.js wherever there is MediaSource, else (an iPhone) the browser itself.
 * Chromium says it may play HLS by itself too; it then stays far behind, so it is not asked.
 */
import type Hls from 'hls.js'
import type { ErrorData } from 'hls.js'
import { backoffMs } from '$lib/rooms/backoff'
import type { Player, Sink } from './player'

/** A second media error so soon after a recovery means that recovering does not help. */
const recoveredForMs = 30_000
/** Further behind than this, a viewer jumps; nearer, hls.js plays a little faster. */
const farBehindS = 8
const catchUpRate = 1.1
const unplayable = ['manifestIncompatibleCodecsError', 'bufferAddCodecError', 'bufferIncompatibleCodecsError']

export class HlsPlayer implements Player {
  private hls: Hls | null = null
  private native: HTMLVideoElement | null = null
  private timer: ReturnType<typeof setTimeout> | undefined
  private attempt = 0
  private recoveredAt = -Infinity
  private closed = false
  /** Grows with each try, so that what an abandoned one brings is not used. */
  private turn = 0
  private readonly url: string

  /**
   * `video` is asked for only after `state('playing')`: the screen must be free of any other picture by then. With
   * `from`, the second at which each try begins, it is the replay that is played.
   */
  constructor(
    room: string,
    private readonly sink: Sink,
    private readonly video: () => HTMLVideoElement | null,
    private readonly from?: () => number,
  ) {
    this.url = from ? `/replays/${room}/index.m3u8` : `/hls/${room}/index.m3u8`
  }

  async open(): Promise<void> {
    clearTimeout(this.timer)
    const turn = ++this.turn
    this.leave()
    if (this.closed) return
    this.sink.state('connecting')
    try {
      // Asked for first: there may be no stream yet, and the script that plays it is large.
      const answer = await fetch(this.url)
      void answer.body?.cancel().catch(() => undefined)
      if (turn !== this.turn) return
      if (!answer.ok) return this.retry('absent')
      if (!('MediaSource' in globalThis)) return this.playNatively()
      const { default: Hls } = await import('hls.js')
      if (turn === this.turn) this.play(Hls)
    } catch {
      if (turn === this.turn) this.retry('absent')
    }
  }

  close(): void {
    this.closed = true
    this.turn++
    clearTimeout(this.timer)
    this.leave()
  }

  healthy(): void {
    if (this.native) this.attempt = 0
    const edge = this.hls?.liveSyncPosition
    if (edge && this.hls!.latency > farBehindS + this.hls!.targetLatency!) this.hls!.media!.currentTime = edge
  }

  /** Seconds between the live edge and the picture; null while nobody knows. */
  behindS(): number | null {
    if (this.hls) return this.hls.latency || null
    const { seekable, currentTime } = this.native ?? {}
    return seekable?.length ? seekable.end(seekable.length - 1) - currentTime! : null
  }

  /** Of the qualities there are, highest first. */
  get heights(): number[] {
    const heights = new Set(this.hls?.levels.map((level) => level.height).filter(Boolean))
    return [...heights].sort((a, b) => b - a)
  }

  /** Null leaves it to the network. */
  choose(height: number | null): void {
    if (this.hls) this.hls.nextLevel = this.hls.levels.findIndex((level) => level.height === height)
  }

  private play(Player: typeof Hls): void {
    if (!Player.isSupported()) return this.sink.refused('unable')
    const hls = new Player({
      // The build for bundlers has none, and fragments of MP4 need no remuxing.
      enableWorker: false,
      capLevelToPlayerSize: true,
      ...(this.from
        ? { startPosition: this.from(), backBufferLength: 60 }
        : // What was shown is left to the browser to forget: where hls.js removes it while a part is being appended, it takes the
          // segment's earlier parts for not loaded and asks for nothing until they have left the playlist, twelve seconds on.
          { lowLatencyMode: true, backBufferLength: Infinity, maxLiveSyncPlaybackRate: catchUpRate }),
    })
    this.hls = hls
    hls.on(Player.Events.ERROR, (_, error) => this.failed(hls, error))
    // What was loaded before still moves for a while when the network is gone; only what comes new is health.
    hls.on(Player.Events.FRAG_BUFFERED, () => (this.attempt = 0))
    hls.on(Player.Events.MANIFEST_PARSED, () => {
      this.sink.state('playing')
      const video = this.video()
      if (video && this.hls === hls) hls.attachMedia(video)
    })
    hls.loadSource(this.url)
  }

  private failed(hls: Hls, { fatal, type, details }: ErrorData): void {
    if (!fatal || hls !== this.hls) return
    if (unplayable.includes(details)) return this.sink.refused('unable')
    switch (type as string) {
      case 'networkError':
        // Once unheard, while what is loaded plays on; when that did not help all is begun anew.
        return this.attempt === 0 && hls.media ? this.later(() => hls.startLoad()) : this.retry('waiting')
      case 'mediaError':
        if (performance.now() - this.recoveredAt > recoveredForMs) {
          this.recoveredAt = performance.now()
          return hls.recoverMediaError()
        }
    }
    this.sink.refused('broken')
  }

  private playNatively(): void {
    this.sink.state('playing')
    const video = this.video()
    if (!video || this.closed) return
    if (!video.canPlayType('application/vnd.apple.mpegurl')) return this.sink.refused('unable')
    this.native = video
    video.addEventListener('error', this.failedNatively)
    video.src = this.url
    const from = this.from?.()
    if (from) video.addEventListener('loadedmetadata', () => (video.currentTime = from), { once: true })
  }

  private readonly failedNatively = (): void => {
    if (this.native?.error?.code === MediaError.MEDIA_ERR_NETWORK) this.retry('waiting')
    else this.sink.refused('broken')
  }

  private retry(as: 'waiting' | 'absent'): void {
    if (this.closed) return
    this.later(() => void this.open())
    this.sink.state(as)
  }

  private later(again: () => void): void {
    clearTimeout(this.timer)
    this.timer = setTimeout(again, backoffMs(this.attempt++, Math.random(), 500, 8_000))
  }

  private leave(): void {
    this.hls?.destroy()
    this.hls = null
    this.native?.removeEventListener('error', this.failedNatively)
    this.native?.removeAttribute('src')
    this.native?.load()
    this.native = null
  }
}
