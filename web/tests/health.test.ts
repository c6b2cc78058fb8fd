import { describe, expect, test } from 'vitest'
import { troubles, type Health, type SeatHealth } from '../src/lib/rooms/health'

const seat: SeatHealth = { seat: 0, height: 720, layers: 1, video_bps: 2_500_000, frames_per_s: 30, keyframe_gap_ms: 2_000, lost_permille: 1, audio_bps: 96_000, reordered: false, round_trip_ms: 20 }
const of = (changes: Partial<SeatHealth>, recording: Health['recording'] = null): Health => ({ seats: [{ ...seat, ...changes }], watching_live: 1, watching: 2, recording })

describe('a live’s health', () => {
  test('nothing is wrong with a live that goes well', () => {
    expect(troubles(of({}, { bytes: 1, gaps: 0, fault: null }))).toEqual([])
  })
  test.each([
    [{ video_bps: 0, frames_per_s: 0 }, ['noPicture']],
    [{ reordered: true }, ['reordered']],
    [{ round_trip_ms: 450 }, ['far']],
    [{ round_trip_ms: null }, []],
    [{ lost_permille: 21 }, ['loss']],
    [{ frames_per_s: 12, audio_bps: 0 }, ['slow', 'noSound']],
    [{ keyframe_gap_ms: 8_000 }, ['keyframes']],
    [{ keyframe_gap_ms: null }, []],
  ] as const)('%o is told as %o', (changes, told) => expect(troubles(of(changes))).toEqual(told))
  test('a host without a camera, and a disk that does not take it', () => {
    expect(troubles({ seats: [{ ...seat, seat: 1 }], watching_live: 0, watching: 0, recording: { bytes: 0, gaps: 1, fault: null } })).toEqual(['noPicture', 'disk'])
  })
})
