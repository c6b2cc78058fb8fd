/** Who is speaking: loudness out of WebRTC's reports, and a ring that does not flicker. Pure. */
import { decibels } from './loudness'

type Report = Iterable<[string, Record<string, unknown>]>
export type Energies = ReadonlyMap<string, { energy: number; seconds: number }>

/** What was heard of each audio track since its session began. */
export function energies(report: Report): Energies {
  const heard = new Map<string, { energy: number; seconds: number }>()
  for (const [, stat] of report) {
    if (stat.type !== 'inbound-rtp' || stat.kind !== 'audio') continue
    const of = (name: string) => (typeof stat[name] === 'number' ? stat[name] : 0)
    heard.set(String(stat.trackIdentifier), { energy: of('totalAudioEnergy'), seconds: of('totalSamplesDuration') })
  }
  return heard
}

/** A track's loudness from 0 to 1 between two reports. */
export function levelOf(track: string, now: Energies, before: Energies): number {
  const [new_, old] = [now.get(track), before.get(track)]
  const seconds = (new_?.seconds ?? 0) - (old?.seconds ?? 0)
  return seconds > 0 ? decibels(((new_?.energy ?? 0) - (old?.energy ?? 0)) / seconds) : 0
}

export interface Voice {
  level: number
  on: boolean
}
export const silent: Voice = { level: 0, on: false }

const [up, down] = [0.6, 0.15]
const [begins, ends] = [0.45, 0.33]

/** To be asked about every 150 ms. Rises within a syllable and falls over a pause between words. */
export function heed(before: Voice, level: number): Voice {
  const next = before.level + (level - before.level) * (level > before.level ? up : down)
  return { level: next, on: next > (before.on ? ends : begins) }
}
