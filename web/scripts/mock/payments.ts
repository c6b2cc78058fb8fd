/// Payments of the stand-in: a purchase is paid some seconds after it was begun, unless it is of 70 coins, whose card is
/// declined; 17 500 coins are over the cap, and 1 400 find the provider away.
import type { packs } from './world.ts'

type Json = Record<string, unknown>
type Pack = (typeof packs)[number]
const settlesMs = 4_000
const money = (amount: number) => ({ amount, currency: 'USD' })
const ago = (days: number) => new Date(Date.now() - days * 864e5).toISOString()

interface Bought {
  id: string
  order: string
  coins: { coins: number; promotional: number } | null
  channel: Json | null
  state: string
  price: Json
  refunded: Json
  provider: string
  checkout_url: string | null
  created_at: string
  expires_at: string
  settled_at: string | null
}

const past = (id: string, days: number, cents: number, given: Partial<Bought>): Bought => ({
  id,
  order: 'coins',
  coins: null,
  channel: null,
  state: 'paid',
  price: money(cents),
  refunded: money(0),
  provider: 'sandbox',
  checkout_url: null,
  created_at: ago(days),
  expires_at: ago(days),
  settled_at: ago(days),
  ...given,
})
const list: Bought[] = [
  past('m-1', 0.2, 7_000, { coins: { coins: 7_000, promotional: 350 } }),
  past('m-2', 2, 499, { order: 'badge', channel: { id: 'c', handle: 'atelier', name: 'Jules de la Tour d’Auvergne-Lauraguais' } }),
  past('m-3', 3, 70, { coins: { coins: 70, promotional: 0 }, state: 'declined' }),
  past('m-4', 9, 1_400, { coins: { coins: 1_400, promotional: 0 }, refunded: money(640) }),
  past('m-5', 12, 350, { coins: { coins: 350, promotional: 0 }, state: 'expired' }),
  past('m-6', 20, 17_500, { coins: { coins: 17_500, promotional: 1_750 } }),
]

/** Why it is not begun, if it is not. */
export function refusal(adult: boolean, pack: Pack): [number, string] | null {
  if (!adult) return [403, 'age_undeclared']
  if (pack.coins === 17_500) return [409, 'spending_cap_reached']
  return pack.coins === 1_400 ? [503, 'provider_unavailable'] : null
}

export function begin(id: string, pack: Pack): Bought {
  const open = { coins: { coins: pack.coins, promotional: pack.promotional }, state: 'pending', checkout_url: '/mock-checkout', settled_at: null }
  list.unshift(past(id, 0, pack.price.amount, open))
  return list[0]!
}

export function payments(): Json {
  return { items: list.slice(0, 5), next: null }
}

/** `paid` is told the coins that come. */
export function payment(id: string, paid: (coins: number) => void): Bought | undefined {
  const found = list.find((each) => each.id === id)
  if (found?.state === 'pending' && Date.now() - Date.parse(found.created_at) > settlesMs) {
    found.state = found.price.amount === 70 ? 'declined' : 'paid'
    found.checkout_url = null
    if (found.state === 'paid') paid(found.coins!.coins + found.coins!.promotional)
  }
  return found
}

export const caps = { currency: 'USD', raise_after_s: 86_400, day: { limit: 2_000, spent: 1_550, raise: null }, month: { limit: null, spent: 9_400, raise: null } }
