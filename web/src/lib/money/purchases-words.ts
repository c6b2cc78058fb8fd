/** Words about what one has paid for. */
import type { Payment } from '$lib/api'
import { words } from '$lib/i18n/index.svelte'
import { number } from '$lib/i18n/format'

const en = {
  title: 'Purchases',
  none: 'Nothing yet. Coins that you buy are listed here.',
  coins: (n: number) => `${number(n)} coins`,
  free: (n: number) => `${number(n)} free`,
  orders: { badge: 'Badge', ticket: 'Ticket', subscription: 'Subscription', gifted_subscription: 'Gifted subscription' },
  states: { pending: 'Not paid yet', paid: 'Paid', declined: 'Declined', expired: 'Not paid' },
  refunded: (amount: string) => `${amount} given back`,
  receipt: 'Receipt',
  pay: 'Pay now',
  back: {
    ask: 'Money back',
    why: 'Why?',
    send: 'Ask for it',
    stop: 'Not now',
    rules: 'Unspent coins come back at once within 14 days, tickets until 48 hours before their event. Anything else, the site’s operator decides.',
    granted: 'It is on its way back to you.',
    asked: 'Asked for: the site’s operator decides.',
    states: {
      requested: (amount: string) => `${amount} asked for: the site’s operator decides.`,
      granted: (amount: string) => `${amount} is on its way back to you.`,
      done: (amount: string) => `${amount} is back with you.`,
      failed: (amount: string) => `${amount} could not be paid back. The site’s operator sees to it.`,
      refused: (amount: string) => `${amount} is not given back.`,
    },
    answer: (text: string) => `“${text}”`,
  },
}

const fr: typeof en = {
  title: 'Achats',
  none: 'Rien encore. Les pièces achetées s’affichent ici.',
  coins: (n) => `${number(n)} pièces`,
  free: (n) => `${number(n)} offertes`,
  orders: { badge: 'Badge', ticket: 'Billet', subscription: 'Abonnement', gifted_subscription: 'Abonnement offert' },
  states: { pending: 'Pas encore payé', paid: 'Payé', declined: 'Refusé', expired: 'Non payé' },
  refunded: (amount) => `${amount} remboursés`,
  receipt: 'Reçu',
  pay: 'Payer',
  back: {
    ask: 'Remboursement',
    why: 'Pourquoi ?',
    send: 'Le demander',
    stop: 'Pas maintenant',
    rules: 'Les pièces non dépensées reviennent aussitôt pendant 14 jours, les billets jusqu’à 48 heures avant l’événement. Pour le reste, l’opérateur du site décide.',
    granted: 'L’argent est en route vers vous.',
    asked: 'Demandé : l’opérateur du site décide.',
    states: {
      requested: (amount) => `${amount} demandés : l’opérateur du site décide.`,
      granted: (amount) => `${amount} sont en route vers vous.`,
      done: (amount) => `${amount} vous ont été rendus.`,
      failed: (amount) => `${amount} n’ont pas pu être rendus. L’opérateur du site s’en occupe.`,
      refused: (amount) => `${amount} ne sont pas rendus.`,
    },
    answer: (text) => `« ${text} »`,
  },
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
