/** How a goal is shown: its figures in what it counts, and how far it is. */
import type { Goal } from '$lib/api'
import { money, number } from '$lib/i18n/format'
import { t } from './support-words'

/** What goals of money are counted in: the site's currency. */
const currency = 'USD'

export function progress({ kind, so_far, target }: Goal): string {
  const figure = (n: number) => (kind === 'money' ? money({ amount: n, currency }) : number(n))
  return t.progress(figure(so_far), figure(target))
}

/** From 0 to 1. */
export function share({ so_far, target }: Goal): number {
  return Math.min(1, so_far / target)
}
