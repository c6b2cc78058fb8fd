/** What overlays say by themselves. A channel's own words take the place of these. */
import { number } from '$lib/i18n/format'
import { plural, words } from '$lib/i18n/index.svelte'
import type { Alert } from './alerts'

const en = {
  alerts: {
    gift: '{name} sent {gift}',
    badge: '{name} stands out with {hearts}',
    subscription: (months: number): string => (months > 1 ? `{name} has subscribed for {months} ${plural(months, { one: 'month', other: 'months' }, 'en')}` : '{name} has subscribed'),
    subscription_gift: (count: number): string => (count > 1 ? '{name} gave {count} subscriptions' : '{name} gave a subscription'),
    ticket: '{name} has a ticket',
  },
  coins: (n: number) => `${number(n)} ${plural(n, { one: 'coin', other: 'coins' }, 'en')}`,
  progress: (so_far: string, target: string) => `${so_far} of ${target}`,
  reached: 'Reached!',
}
const fr: typeof en = {
  alerts: {
    gift: '{name} offre {gift}',
    badge: '{name} brille avec {hearts}',
    subscription: (months) => (months > 1 ? '{name} est membre depuis {months} mois' : '{name} s’abonne'),
    subscription_gift: (count) => (count > 1 ? '{name} offre {count} abonnements' : '{name} offre un abonnement'),
    ticket: '{name} a un billet',
  },
  coins: (n) => `${number(n)} ${plural(n, { one: 'pièce', other: 'pièces' }, 'fr')}`,
  progress: (so_far, target) => `${so_far} sur ${target}`,
  reached: 'Atteint !',
}
export const dictionaries = { en, fr }
export const t = words(dictionaries)

/** The words of an alert, before its placeholders are filled. */
export function templateOf(alert: Alert, own: string | null | undefined): string {
  if (own) return own
  const { gift, badge, subscription, subscription_gift, ticket } = t.alerts
  switch (alert.kind) {
    case 'gift':
      return gift
    case 'badge':
      return badge
    case 'subscription':
      return subscription(alert.months)
    case 'subscription_gift':
      return subscription_gift(alert.count)
    case 'ticket':
      return ticket
  }
}
