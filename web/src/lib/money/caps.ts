/** What is left of one's spending caps. */
import type { SpendingCaps } from '$lib/api'

export interface Left {
  period: 'day' | 'month'
  amount: number
}

/** Of the cap that leaves least; null when there is none. */
export function leastLeft(caps: SpendingCaps): Left | null {
  let least: Left | null = null
  for (const period of ['day', 'month'] as const) {
    const { limit, spent } = caps[period]
    if (limit === null || limit === undefined) continue
    const amount = Math.max(0, limit - spent)
    if (!least || amount < least.amount) least = { period, amount }
  }
  return least
}
