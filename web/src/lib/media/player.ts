/** What the two ways of playing a room have in common; `path.ts` says which is used, `tuner.svelte.ts` does it. */

/** `waiting`: a try broke off and there will be another. `absent`: the server was not reached, or has nothing to play yet. */
export type PlayerState = 'connecting' | 'playing' | 'waiting' | 'absent'
/** `full` and `hls_only` are WHEP's; `broken` may work later, `unable` never will. */
export type Refusal = 'full' | 'hls_only' | 'broken' | 'unable'

export interface Sink {
  /** WHEP's pictures by seat: the one who holds the player puts them on screens. HLS attaches to its screen itself. */
  streams(streams: MediaStream[]): void
  state(state: PlayerState): void
  refused(why: Refusal): void
}

export interface Player {
  open(): Promise<void>
  /** `ended`: the room is over, and the server has let go by itself. */
  close(ended?: boolean): void
  /** The picture moves: the next break starts counting from nothing. */
  healthy(): void
}
