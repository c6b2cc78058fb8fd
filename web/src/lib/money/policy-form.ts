/** A policy as an operator types it: every field as text, read back field by field. Nothing is rounded on the way. */
import type { Policy } from '$lib/api'
import { parseAmount, typedAmount } from './amounts'

/** How a field is written. `span` is a time in seconds, written in the greatest unit that says it exactly. */
export type Kind = 'percent' | 'span' | 'count' | 'money' | 'points' | 'packs' | 'prices' | 'taxes'
export type FieldName = keyof Policy

export const groups = [
  { name: 'shares', fields: ['gift_share_percent', 'badge_share_percent', 'ticket_share_percent', 'subscription_share_percent'] },
  { name: 'holds', fields: ['gift_hold_s', 'badge_hold_s', 'ticket_hold_s', 'subscription_hold_s', 'reserve_percent', 'reserve_hold_s'] },
  { name: 'prices', fields: ['coin_price_cents', 'coin_packs', 'badge_prices_cents', 'provider_fee_basis_points', 'provider_fee_fixed_cents', 'tax_basis_points'] },
  { name: 'limits', fields: ['payout_min_cents', 'payout_two_approvals_from', 'refund_unspent_days', 'spending_cap_raise_s', 'payments_per_hour_max', 'declines_per_hour_max'] },
  { name: 'tickets', fields: ['ticket_reserve_s', 'ticket_refund_before_s', 'ticket_no_show_s', 'ticket_devices_max'] },
  { name: 'rooms', fields: ['streak_window_ms', 'streak_price_max', 'resume_window_s', 'hangout_people_max', 'replay_keep_days', 'chat_messages_max', 'chat_messages_guest_max', 'chat_window_s'] },
] as const satisfies { name: string; fields: FieldName[] }[]

export const names: FieldName[] = groups.flatMap((group) => [...group.fields])

export function kind(name: FieldName): Kind {
  if (name === 'coin_packs') return 'packs'
  if (name === 'badge_prices_cents') return 'prices'
  if (name === 'tax_basis_points') return 'taxes'
  if (name.endsWith('_percent')) return 'percent'
  if (name.endsWith('_basis_points')) return 'points'
  if (name.endsWith('_cents') || name === 'payout_two_approvals_from') return 'money'
  return name.endsWith('_s') ? 'span' : 'count'
}

const units = [['d', 86_400], ['h', 3_600], ['min', 60], ['s', 1]] as const

function spanOf(seconds: number): string {
  const [unit, each] = units.find(([, each]) => seconds > 0 && seconds % each === 0) ?? (['s', 1] as const)
  return `${seconds / each} ${unit}`
}

/** `7 d`, `7 j`, `12h`, `90` (seconds); null for anything else. */
function secondsOf(text: string): number | null {
  const parts = /^(\d{1,9})\s*(d|j|h|min|s)?$/.exec(text.trim())
  const unit = parts?.[2] === 'j' ? 'd' : (parts?.[2] ?? 's')
  return parts ? Number(parts[1]) * (units.find(([name]) => name === unit)?.[1] ?? 1) : null
}

function whole(text: string): number | null {
  return /^\d{1,12}$/.test(text.trim()) ? Number(text) : null
}

/** Each line or item by itself; null when one cannot be read. */
function each<T>(texts: string[], read: (text: string) => T | null): T[] | null {
  const items = texts.map((text) => text.trim()).filter((text) => text !== '')
  const values = items.map(read)
  return values.every((value) => value !== null) ? (values as T[]) : null
}

/** Hundredths are typed as money is: 19 or 19.6 percent. */
const hundredths = (text: string) => parseAmount(text, 'USD')
const typedHundredths = (value: number) => typedAmount(value, 'USD').replace(/\.?0+$/, '')

export function typed(policy: Policy, name: FieldName, currency: string): string {
  switch (name) {
    case 'coin_packs':
      return policy.coin_packs.map((pack) => (pack.promotional ? `${pack.coins} + ${pack.promotional}` : `${pack.coins}`)).join('\n')
    case 'badge_prices_cents':
      return policy.badge_prices_cents.map((price) => typedAmount(price, currency)).join('\n')
    case 'tax_basis_points':
      return Object.entries(policy.tax_basis_points).map(([country, rate]) => `${country} ${typedHundredths(rate)}`).join('\n')
  }
  const value = policy[name]
  switch (kind(name)) {
    case 'money': return typedAmount(value, currency)
    case 'points': return typedHundredths(value)
    case 'span': return spanOf(value)
    default: return String(value)
  }
}

/** The field's value, or null when the text is none. Bounds are the server's. */
export function parsed(name: FieldName, text: string, currency: string): unknown {
  switch (kind(name)) {
    case 'money': return parseAmount(text, currency)
    case 'points': return hundredths(text)
    case 'span': return secondsOf(text)
    case 'prices': return each(text.split('\n'), (line) => parseAmount(line, currency))
    case 'packs':
      return each(text.split('\n'), (line) => {
        const [coins, promotional] = [...line.split('+'), '0'].map(whole)
        return coins === null || promotional === null ? null : { coins, promotional }
      })
    case 'taxes': {
      const rates = each(text.split('\n'), (line) => {
        const [country = '', rate = ''] = line.split(/\s+/)
        const points = hundredths(rate.replace(/%$/, ''))
        return points === null ? null : ([country.toUpperCase(), points] as const)
      })
      return rates && Object.fromEntries(rates)
    }
    default: return whole(text)
  }
}

/** What differs between two policies, by field. */
export function differing(a: Policy, b: Policy, currency: string): FieldName[] {
  return names.filter((name) => typed(a, name, currency) !== typed(b, name, currency))
}

/** The calendar month before a time, or the one that it is in, in UTC as the books have it. */
export function month(now: Date, which: 'last' | 'this'): { from: string; to: string } {
  const back = which === 'last' ? 1 : 0
  const at = (months: number) => new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + months, 1)).toISOString()
  return { from: at(-back), to: at(1 - back) }
}
