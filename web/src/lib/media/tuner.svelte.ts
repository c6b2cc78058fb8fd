/** Holds the players that the path asks for, and gives the screen to one of them. What is used when: path.ts. */
import type { HlsPlayer } from './hls'
import { first, step, type PathEvent, type Wish } from './path'
import type { Sink } from './player'
import { Watchdog } from './watchdog'
import { WhepPlayer } from './whep'

export interface Screen {
  video(): HTMLVideoElement | null
  /** A picture may be expected: the room is live and its page is seen. */
  due(): boolean
  /** What was on the screen is gone or stands. */
  still(): void
}

const tickMs = 500

/** Chromium makes a black frame of 2 × 2 out of a connection that ends. */
const pictured = (video: HTMLVideoElement): boolean => video.readyState >= video.HAVE_CURRENT_DATA && video.videoWidth > 2

export class Tuner {
  path = $state.raw(first)
  /** The qualities HLS has, and the chosen one; null is automatic. */
  heights = $state.raw<number[]>([])
  height = $state<number | null>(null)
  /** WHEP's pictures by seat; the host's is put on the screen here. */
  seats = $state.raw<MediaStream[]>([])
  /** Tries that broke off since the picture last moved. */
  tries = $state(0)

  private whep: WhepPlayer | null = null
  private hls: HlsPlayer | null = null
  private fetchingHls = false
  /** Of the try that is on: what an earlier one left on the screen is not a picture any more. */
  private stream: MediaStream | null = null
  /** Where WHEP's picture is awaited while HLS has the screen. */
  private readonly aside = document.createElement('video')
  private watchdog: Watchdog | undefined
  private clock: ReturnType<typeof setInterval> | undefined
  private stuck = 0
  private others = false

  constructor(
    private readonly room: string,
    private readonly screen: Screen,
  ) {
    this.aside.muted = this.aside.autoplay = this.aside.playsInline = true
    this.aside.onloadeddata = this.aside.onresize = () => {
      if (pictured(this.aside)) this.take({ is: 'moves', path: 'whep' })
    }
  }

  start(): void {
    this.clock = setInterval(() => this.take({ is: 'tick', due: this.screen.due() }), tickMs)
    this.watchdog = new Watchdog(
      () => this.frames(),
      () => this.screen.due(),
      () => this.revive(),
      () => void this.moves(),
    )
    this.sync()
  }

  stop(ended: boolean): void {
    clearInterval(this.clock)
    this.clock = undefined
    this.watchdog?.stop()
    this.whep?.close(ended)
    this.hls?.close()
    this.aside.srcObject = null
  }

  /** Something moves on the screen. False when it is not the picture. */
  moves(): boolean {
    const video = this.screen.video()
    const { shown } = this.path
    if (!video || !pictured(video) || (shown === 'whep' && !this.stream)) return false
    this.tries = this.stuck = 0
    this.take({ is: 'moves', path: shown })
    if (shown === 'hls') this.hls?.healthy()
    else this.whep?.healthy()
    return true
  }

  choose(wish: Wish): void {
    this.take({ is: 'choose', wish })
  }

  chooseHeight(height: number | null): void {
    this.height = height
    this.hls?.choose(height)
  }

  /** On stage one sees oneself from one's own camera: only the others are fetched, and in real time. */
  joinIn(): void {
    this.others = true
    this.choose('whep')
    this.closeWhep()
    this.sync()
  }

  /** What WHEP's delay can be read from, and HLS's own figure for its delay. */
  async report(): Promise<RTCStatsReport | null> {
    return (await this.whep?.report()) ?? null
  }
  /** The address of WHEP's session. */
  session(): string | null {
    return this.whep?.session ?? null
  }
  hlsBehindS(): number | null {
    return this.hls?.behindS() ?? null
  }

  private take(event: PathEvent): void {
    const before = this.path
    this.path = step(before, event, performance.now())
    if (this.path !== before) this.sync()
  }

  private sync(): void {
    if (!this.clock) return
    if (!this.path.hls) this.closeHls()
    else if (!this.hls) void this.openHls()
    if (!this.path.whep) this.closeWhep()
    else if (!this.whep) this.openWhep()
    this.put()
  }

  /** One picture a screen: WHEP's is put there and taken away here, HLS attaches itself once the screen is free. */
  private put(): void {
    const video = this.screen.video()
    if (!video) return
    const onScreen = this.path.shown === 'whep' ? this.stream : null
    // While WHEP tries again, its last frame stays.
    if (video.srcObject !== onScreen && (onScreen || this.path.shown === 'hls')) video.srcObject = onScreen
    const beside = this.path.shown === 'hls' ? this.stream : null
    if (this.aside.srcObject !== beside) this.aside.srcObject = beside
  }

  private openWhep(): void {
    const sink: Sink = {
      streams: (streams) => {
        this.seats = streams
        this.stream = streams[0]!
        this.put()
      },
      state: (state) => {
        if (state !== 'playing') {
          this.stream = null
          if (this.path.shown === 'whep') this.screen.still()
        }
        if (state === 'waiting' || state === 'absent') this.tries++
        if (state === 'connecting') this.take({ is: 'opened' })
        if (state === 'absent') this.take({ is: 'absent' })
      },
      refused: (why) => {
        if (why === 'full' || why === 'hls_only') this.take({ is: 'refused', why })
      },
    }
    this.whep = new WhepPlayer(this.room, sink, 4, this.others)
    void this.whep.open()
  }

  private closeWhep(): void {
    this.whep?.close()
    this.whep = this.stream = null
  }

  private async openHls(): Promise<void> {
    if (this.fetchingHls) return
    this.fetchingHls = true
    const loaded = await import('./hls').catch(() => null)
    this.fetchingHls = false
    if (!this.clock || !this.path.hls || this.hls) return
    if (!loaded) return this.take({ is: 'broken', forever: false })
    const sink: Sink = {
      streams: () => undefined,
      state: (state) => {
        if (state === 'playing') {
          this.take({ is: 'found' })
          this.screen.still()
          this.heights = this.hls?.heights ?? []
          if (this.height) this.hls?.choose(this.height)
          return
        }
        if (state === 'connecting' && this.path.shown === 'hls') this.screen.still()
        if (state !== 'connecting') this.tries++
        this.take({ is: 'lost' })
      },
      refused: (why) => this.take({ is: 'broken', forever: why === 'unable' }),
    }
    this.hls = new loaded.HlsPlayer(this.room, sink, () => this.screen.video())
    void this.hls.open()
  }

  private closeHls(): void {
    this.hls?.close()
    this.hls = null
    this.heights = []
  }

  /** Grows while the picture moves. A browser that plays HLS by itself does not count its frames. */
  private frames(): number {
    const video = this.screen.video()
    if (!video) return 0
    return this.path.shown === 'hls' ? Math.round(video.currentTime * 10) : video.getVideoPlaybackQuality().totalVideoFrames
  }

  /** HLS gets twice the time: it has a script and a playlist to fetch, and helps itself out of small holes. */
  private revive(): void {
    if (this.path.shown === 'whep') void this.whep?.open()
    else if (++this.stuck % 2 === 0) void this.hls?.open()
  }
}
