/** Subscriptions by their calls, and as orders of the one checkout. */
import { call, type GiftedSubscription, type List, type Subscription, type TierOffer } from '$lib/api'
import type { Order } from './checkout.svelte'
import { t as giving } from './giving-words'
import { t } from './subscription-words'

/** Whose tiers they are. */
export interface Offering {
  handle: string
  name: string
}
const pathOf = (handle: string) => `/channels/${encodeURIComponent(handle)}/subscription`

export const tiersOf = async (handle: string): Promise<TierOffer[]> => (await call<List<TierOffer>>('GET', `/channels/${encodeURIComponent(handle)}/tiers`)).items
export const mine = async (): Promise<Subscription[]> => (await call<List<Subscription>>('GET', '/me/subscriptions')).items
export const setRenews = (handle: string, renews: boolean): Promise<Subscription> => call('PUT', `${pathOf(handle)}/renewal`, { renews })
export const setNextTier = (handle: string, tier: number): Promise<Subscription> => call('PUT', `${pathOf(handle)}/next-tier`, { tier })

/** The first month, also of one that is past due or over. */
export const monthOrder = ({ handle, name }: Offering, tier: number): Order => ({ path: pathOf(handle), body: { tier }, paid: () => t.paid(name) })
/** The difference to a tier that costs more. */
export const upgradeOrder = ({ handle, name }: Offering, tier: number): Order => ({ path: pathOf(handle), body: { tier, upgrade: true }, paid: () => t.paid(name) })

/** How many months can be given to whoever is there. */
export const giftCounts = ['1', '5', '10', '20']
const giftPath = (handle: string) => `/channels/${encodeURIComponent(handle)}/gifted-subscriptions`
export const giftOrder = ({ handle }: Offering, tier: number, to: { to: string } | { room: string; count: number }): Order => ({ path: giftPath(handle), body: { tier, ...to }, paid: () => giving.paid })
export const isGift = (order: Order | null): boolean => order?.path.endsWith('/gifted-subscriptions') ?? false
export const given = (id: string): Promise<GiftedSubscription> => call('GET', `/gifted-subscriptions/${id}`)

/** The server keeps what a tier promises as one line. */
const between = ' · '
export const perksOf = (about: string): string[] => about.split(between).filter((perk) => perk !== '')
export const aboutOf = (lines: string): string => lines.split('\n').map((line) => line.trim()).filter((line) => line !== '').join(between)

export const tones = { active: 'good', cancelled: 'gold', given: 'gold', past_due: 'danger', ended: 'plain' } as const
