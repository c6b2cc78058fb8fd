/** Words of the operator's taxes, by the payer's country. */
import { locale, words } from '$lib/i18n/index.svelte'

const en = {
  title: 'Taxes',
  lead: 'What was sold and delivered, by the country of the payer’s card. What was taken back later stands apart.',
  period: 'Month or year',
  month: 'By month',
  year: 'By year',
  which: 'Which one',
  none: 'Nothing was sold then',
  nowhere: 'Not known',
  all: 'All countries',
  country: 'Country',
  sales: 'Sales',
  refunds: 'Taken back',
  net: 'Net',
  tax: 'Tax',
  gross: 'Gross',
  count: 'Number',
  lines: (country: string) => `What ${country} is the sum of`,
  line: { badge: 'Badge', ticket: 'Ticket', subscription: 'Subscription', gifted_subscription: 'Gifted subscription' } as Record<string, string>,
  transfers: 'Transfers',
  more: 'Show more',
  csv: 'Summary as CSV',
  linesCsv: 'Lines as CSV',
}
const fr: typeof en = {
  title: 'Taxes',
  lead: 'Ce qui a été vendu et livré, par pays de la carte du payeur. Ce qui a été repris ensuite figure à part.',
  period: 'Mois ou année',
  month: 'Par mois',
  year: 'Par an',
  which: 'Lequel',
  none: 'Rien n’a été vendu alors',
  nowhere: 'Inconnu',
  all: 'Tous les pays',
  country: 'Pays',
  sales: 'Ventes',
  refunds: 'Repris',
  net: 'Net',
  tax: 'Taxe',
  gross: 'Brut',
  count: 'Nombre',
  lines: (country) => `Ce dont ${country} est la somme`,
  line: { badge: 'Badge', ticket: 'Billet', subscription: 'Abonnement', gifted_subscription: 'Abonnement offert' },
  transfers: 'Écritures',
  more: 'En voir plus',
  csv: 'Résumé en CSV',
  linesCsv: 'Lignes en CSV',
}

export const t = words({ en, fr })
export const dictionaries = { en, fr }
export { locale }
