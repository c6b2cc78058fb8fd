/** Subscriptions by their calls, and as orders of the one checkout. */
import { call, type List, type Subscription, type TierOffer } from '$lib/api'
import type { Order } from './checkout.svelte'
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
export const upgradeOrder = ({ handle, name }: Offering, tier: number): Order => ({ path: `${pathOf(handle)}/upgrade`, body: { tier }, paid: () => t.paid(name) })

/** The server keeps what a tier promises as one line. */
const between = ' · '
export const perksOf = (about: string): string[] => about.split(between).filter((perk) => perk !== '')
export const aboutOf = (lines: string): string => lines.split('\n').map((line) => line.trim()).filter((line) => line !== '').join(between)

export const tones = { active: 'good', cancelled: 'gold', past_due: 'danger', ended: 'plain' } as const
