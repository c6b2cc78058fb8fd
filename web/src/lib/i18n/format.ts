/** Numbers, money, dates and spans of time as the language on screen writes them. */
import type { MoneyAmount } from '$lib/api'
import { locale } from './index.svelte'

/** Smallest units per whole: 100 for USD, 1 for JPY, as ISO 4217 has it and Intl knows. */
export function decimals(currency: string): number {
  return new Intl.NumberFormat('en', { style: 'currency', currency }).resolvedOptions().maximumFractionDigits ?? 2
}

export function money({ amount, currency }: MoneyAmount, tag = locale.tag): string {
  return new Intl.NumberFormat(tag, { style: 'currency', currency }).format(amount / 10 ** decimals(currency))
}

/** Where the currency is clear from beside it: $0.35 rather than US$0.35. */
export function briefMoney({ amount, currency }: MoneyAmount, tag = locale.tag): string {
  return new Intl.NumberFormat(tag, { style: 'currency', currency, currencyDisplay: 'narrowSymbol' }).format(amount / 10 ** decimals(currency))
}

export function number(n: number, tag = locale.tag): string {
  return new Intl.NumberFormat(tag).format(n)
}

/** 0.2 / 0,2: a measured figure, whose further digits mean nothing. */
export function tenths(n: number, tag = locale.tag): string {
  return new Intl.NumberFormat(tag, { minimumFractionDigits: 1, maximumFractionDigits: 1 }).format(n)
}

/** 1 234 → 1.2K / 1,2 k: for counts at a glance, never for money. */
export function compact(n: number, tag = locale.tag): string {
  return new Intl.NumberFormat(tag, { notation: 'compact', maximumFractionDigits: 1 }).format(n)
}

export function signed(n: number, tag = locale.tag): string {
  return new Intl.NumberFormat(tag, { signDisplay: 'exceptZero' }).format(n)
}

export function clockTime(at: string, tag = locale.tag): string {
  return new Intl.DateTimeFormat(tag, { hour: 'numeric', minute: '2-digit' }).format(new Date(at))
}

/** With its year, if that is not this one. */
export function dayTime(at: string, tag = locale.tag, now = new Date()): string {
  const then = new Date(at)
  return new Intl.DateTimeFormat(tag, {
    weekday: 'short',
    day: 'numeric',
    month: 'short',
    hour: 'numeric',
    minute: '2-digit',
    ...(then.getFullYear() === now.getFullYear() ? {} : { year: 'numeric' as const }),
  }).format(then)
}

export function day(at: string, tag = locale.tag): string {
  return new Intl.DateTimeFormat(tag, { day: 'numeric', month: 'long', year: 'numeric' }).format(new Date(at))
}
