/** Words about what one has paid for. */
import type { Payment } from '$lib/api'
import { words } from '$lib/i18n/index.svelte'
import { number } from '$lib/i18n/format'

const en = {
  title: 'Purchases',
  none: 'Nothing yet. Coins that you buy are listed here.',
  coins: (n: number) => `${number(n)} coins`,
  free: (n: number) => `${number(n)} free`,
  orders: { badge: 'Badge', ticket: 'Ticket', subscription: 'Subscription' },
  states: { pending: 'Not paid yet', paid: 'Paid', declined: 'Declined', expired: 'Not paid' },
  refunded: (amount: string) => `${amount} given back`,
  receipt: 'Receipt',
  pay: 'Pay now',
}

const fr: typeof en = {
  title: 'Achats',
  none: 'Rien encore. Les pièces achetées s’affichent ici.',
  coins: (n) => `${number(n)} pièces`,
  free: (n) => `${number(n)} offertes`,
  orders: { badge: 'Badge', ticket: 'Billet', subscription: 'Abonnement' },
  states: { pending: 'Pas encore payé', paid: 'Payé', declined: 'Refusé', expired: 'Non payé' },
  refunded: (amount) => `${amount} remboursés`,
  receipt: 'Reçu',
  pay: 'Payer',
}

export const t = words({ en, fr })
export const dictionaries = { en, fr }

/** What a payment was for. */
export function whatOf({ order, coins, channel }: Payment): string {
  if (order === 'coins') {
    const { coins: bought, promotional } = coins ?? { coins: 0, promotional: 0 }
    return promotional > 0 ? `${t.coins(bought)} + ${t.free(promotional)}` : t.coins(bought)
  }
  return channel ? `${t.orders[order]} · ${channel.name}` : t.orders[order]
}
