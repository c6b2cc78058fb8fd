/** Spans of time, in words and as a clock has them. Apart from the other formats: nothing before a viewer's first frame says any. */
import { locale } from './index.svelte'

/** A hold, given in days, in the unit a person would say: 7 days, 12 hours, 90 seconds. */
export function span(days: number, tag = locale.tag): string {
  const units = [['day', 1], ['hour', 24], ['minute', 24 * 60]] as const
  const [unit, per] = units.find(([, each]) => days * each >= 1) ?? (['second', 24 * 3600] as const)
  return new Intl.NumberFormat(tag, { style: 'unit', unit, unitDisplay: 'long', maximumFractionDigits: 0 }).format(days * per)
}

/** 3 725 s → 1:02:05, 65 s → 1:05. */
export function elapsed(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds))
  const parts = [Math.floor(whole / 60) % 60, whole % 60].map((n) => String(n).padStart(2, '0'))
  const hours = Math.floor(whole / 3600)
  return hours > 0 ? `${hours}:${parts[0]}:${parts[1]}` : `${Number(parts[0])}:${parts[1]}`
}
