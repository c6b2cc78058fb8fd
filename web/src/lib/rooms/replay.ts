/** What a live left behind, and what can be done with it. Where a media address has times, they are in milliseconds. */
import { call, type List } from '$lib/api'
import type { RoomEvent } from './wire'

export type Visibility = 'private' | 'public'
export interface Replay {
  room: string
  title: string
  channel: { id: string; handle: string; name: string }
  /** The live is still on, or its end is being written. */
  recording: boolean
  visibility: Visibility
  begun_at: string
  duration_ms: number
  bytes: number
  mine: boolean
}
/** An event of the room's log, where it belongs in the replay. */
export interface Placed {
  position_ms: number
  event: RoomEvent
}
interface Page {
  items: Placed[]
  /** What to ask on with; null at the end. */
  next: number | null
}

export const clipMsMax = 600_000

/** Those of a channel that one may see. */
export const replays = (handle: string): Promise<List<Replay>> => call('GET', `/channels/${encodeURIComponent(handle)}/replays`)
export const show = (room: string, visibility: Visibility): Promise<Replay> => call('PATCH', `/rooms/${room}/replay`, { visibility })
export const remove = (room: string): Promise<void> => call('DELETE', `/rooms/${room}/replay`)

/** The whole log page by page, from its beginning; ends early when `go` says so. */
export async function readLog(room: string, go: (items: Placed[]) => boolean): Promise<void> {
  for (let after: number | null = 0; after !== null; ) {
    const page: Page = await call('GET', `/rooms/${room}/replay/events?after=${after}`)
    if (!go(page.items)) return
    after = page.next
  }
}

export const pageOf = (room: string, fromS = 0): string => `/r/${room}${fromS >= 1 ? `?t=${Math.floor(fromS)}` : ''}`
export const wholeMp4 = (room: string): string => `/replays/${room}/replay.mp4`
export const clipMp4 = (room: string, fromMs: number, toMs: number): string =>
  `/replays/${room}/clip.mp4?from_ms=${Math.round(fromMs)}&to_ms=${Math.round(toMs)}`
