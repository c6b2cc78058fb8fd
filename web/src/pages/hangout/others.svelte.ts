/** The others' pictures and sounds, by seat, in real time. There is no other way to them: a hangout is not packaged. */
import type { Sink } from '$lib/media/player'
import { WhepPlayer } from '$lib/media/whep'

/** As many as a hangout has. */
export const TILE_SEATS = 8

export class Others {
  streams = $state.raw<MediaStream[]>([])
  private player: WhepPlayer | null = null

  constructor(private readonly room: string) {}

  /** To be called once somebody's camera is there. */
  open(): void {
    if (this.player) return
    const sink: Sink = {
      streams: (streams) => (this.streams = streams),
      state: (state) => {
        if (state === 'playing') this.player?.healthy()
      },
      refused: () => undefined,
    }
    this.player = new WhepPlayer(this.room, sink, TILE_SEATS, true)
    void this.player.open()
  }
  close(): void {
    this.player?.close()
    this.player = null
  }
  session(): string | null {
    return this.player?.session ?? null
  }
  async report(): Promise<RTCStatsReport | null> {
    return (await this.player?.report()) ?? null
  }
}
