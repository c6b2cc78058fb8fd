/** How a live goes, and what to do when it does not: figures in, advice out. */
import { call } from '$lib/api'

export interface SeatHealth {
  seat: number
  height: number
  layers: number
  video_bps: number
  frames_per_s: number
  keyframe_gap_ms: number | null
  lost_permille: number
  audio_bps: number
  reordered: boolean
  round_trip_ms: number | null
}
export interface Health {
  seats: SeatHealth[]
  watching_live: number
  watching: number
  recording: { bytes: number; gaps: number; fault: string | null } | null
}
/** What is wrong, the worst first. */
export type Trouble = 'noPicture' | 'reordered' | 'loss' | 'slow' | 'keyframes' | 'far' | 'noSound' | 'disk'

export const health = (room: string): Promise<Health> => call('GET', `/rooms/${room}/health`)

const keyframeMsMax = 4_500
const lossPermilleMax = 20
const framesMin = 20
const roundTripMsMax = 300

export function troubles(health: Health): Trouble[] {
  const host = health.seats.find((seat) => seat.seat === 0)
  const found: Trouble[] = []
  if (!host || host.video_bps === 0) found.push('noPicture')
  else {
    if (host.reordered) found.push('reordered')
    if (host.lost_permille > lossPermilleMax) found.push('loss')
    if (host.frames_per_s < framesMin) found.push('slow')
    if ((host.keyframe_gap_ms ?? 0) > keyframeMsMax) found.push('keyframes')
    if ((host.round_trip_ms ?? 0) > roundTripMsMax) found.push('far')
    if (host.audio_bps === 0) found.push('noSound')
  }
  if (health.recording && (health.recording.fault || health.recording.gaps > 0)) found.push('disk')
  return found
}
