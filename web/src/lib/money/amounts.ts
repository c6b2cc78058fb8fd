/** Money as people type it. */
import { decimals } from '$lib/i18n/format'

/** `12`, `12.5`, `12,50` → 1250 for USD; null for anything else, also for parts that the currency does not have. */
export function parseAmount(text: string, currency: string): number | null {
  const parts = /^(\d{1,7})(?:[.,](\d+))?$/.exec(text.replace(/[\s\u00a0\u202f]/g, ''))
  const places = decimals(currency)
  if (!parts || (parts[2] ?? '').length > places) return null
  return Number(parts[1]) * 10 ** places + Number((parts[2] ?? '').padEnd(places, '0') || 0)
}

/** 1250 → `12.50`, as an input shows it. */
export function typedAmount(amount: number, currency: string): string {
  const places = decimals(currency)
  return (amount / 10 ** places).toFixed(places)
}
