/** Spans of time in words. Apart from the other formats: nothing before a viewer's first frame says any. */
import { locale } from './index.svelte'

/** A hold, given in days, in the unit a person would say: 7 days, 12 hours, 90 seconds. */
export function span(days: number, tag = locale.tag): string {
  const units = [['day', 1], ['hour', 24], ['minute', 24 * 60]] as const
  const [unit, per] = units.find(([, each]) => days * each >= 1) ?? (['second', 24 * 3600] as const)
  return new Intl.NumberFormat(tag, { style: 'unit', unit, unitDisplay: 'long', maximumFractionDigits: 0 }).format(days * per)
}
