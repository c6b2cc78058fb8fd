/** The times of a clip: as people write them, and which are refused. Pure. */
import { elapsed } from '$lib/i18n/span'
import { clipMsMax } from './replay'

/** 75, 1:15 or 0:01:15 as seconds; null when it is not a time. */
export function parseTime(text: string): number | null {
  const parts = text.trim().split(':')
  if (parts.length > 3 || !parts.every((part) => /^\d{1,6}$/.test(part))) return null
  if (parts.slice(1).some((part) => Number(part) > 59)) return null
  return parts.reduce((sum, part) => sum * 60 + Number(part), 0)
}

export type Refusal = 'form' | 'order' | 'long' | 'beyond'

export function cut(from: string, to: string, durationMs: number): { fromMs: number; toMs: number } | Refusal {
  const [a, b] = [parseTime(from), parseTime(to)]
  if (a === null || b === null) return 'form'
  const fromMs = a * 1000
  if (fromMs >= durationMs || b * 1000 > durationMs + 999) return 'beyond'
  // Fields know whole seconds: the last one is to the very end.
  const toMs = Math.min(b * 1000, durationMs)
  if (toMs <= fromMs) return 'order'
  return toMs - fromMs > clipMsMax ? 'long' : { fromMs, toMs }
}

/** What the fields hold when nothing is chosen yet: half a minute around the moment shown. */
export function suggested(atS: number, durationMs: number): { from: string; to: string } {
  const last = Math.ceil(durationMs / 1000)
  const from = Math.max(0, Math.min(Math.floor(atS), last - 30))
  return { from: elapsed(from), to: elapsed(Math.min(last, from + 30)) }
}
