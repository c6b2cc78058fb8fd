/** Words about what one lets oneself spend. */
import { words } from '$lib/i18n/index.svelte'
import { dayTime } from '$lib/i18n/format'

const en = {
  title: 'Spending cap',
  text: 'No purchase goes over it. Lower it at any time; a higher one begins to count a day later.',
  day: 'In 24 hours',
  month: 'In 30 days',
  none: 'No limit',
  spent: (amount: string) => `Spent so far: ${amount}`,
  rises: (now: string, limit: string, at: string) => `${now} now, ${limit} from ${dayTime(at)}`,
  notMoney: 'An amount of money, or nothing for no limit.',
}

const fr: typeof en = {
  title: 'Plafond de dépenses',
  text: 'Aucun achat ne le dépasse. Baissez-le à tout moment ; une hausse compte un jour plus tard.',
  day: 'En 24 heures',
  month: 'En 30 jours',
  none: 'Sans limite',
  spent: (amount) => `Déjà dépensé : ${amount}`,
  rises: (now, limit, at) => `${now} maintenant, ${limit} à partir du ${dayTime(at)}`,
  notMoney: 'Un montant, ou rien pour ne pas limiter.',
}

export const t = words({ en, fr })
export const dictionaries = { en, fr }
