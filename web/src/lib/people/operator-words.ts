/** Words of the operator's page. */
import { locale, words } from '$lib/i18n/index.svelte'

const en = {
  title: 'The instance at a glance',
  people: 'People',
  live: 'Rooms live',
  coins: 'Coins sold',
  float: 'Float',
  floatText: 'Money held against coins and diamonds that people have not used yet.',
  audit: 'Audit',
  auditOk: 'The books balance',
  auditBad: 'The books do not balance',
  only: 'This page is for the operator.',
}
const fr: typeof en = {
  title: 'L’instance en un coup d’œil',
  people: 'Personnes',
  live: 'Salles en direct',
  coins: 'Pièces vendues',
  float: 'Fonds en dépôt',
  floatText: 'Argent gardé en face des pièces et diamants pas encore utilisés.',
  audit: 'Audit',
  auditOk: 'Les comptes sont justes',
  auditBad: 'Les comptes ne sont pas justes',
  only: 'Cette page est réservée à l’exploitant.',
}

export const t = words({ en, fr })
export const dictionaries = { en, fr }
export { locale }
