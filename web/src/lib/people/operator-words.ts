/** Words of the operator's page. */
import { locale, words } from '$lib/i18n/index.svelte'

const en = {
  title: 'The instance at a glance',
  people: 'People',
  live: 'Rooms live',
  coins: 'Coins sold',
  held: 'What the platform holds',
  heldText: 'Money at the provider, and what it stands for.',
  holdings: {
    psp_clearing: 'At the payment provider',
    coin_float: 'For coins not spent yet',
    diamond_float: 'For diamonds not redeemed yet',
    platform_revenue: 'The platform’s share',
  } as Record<string, string>,
  accounts: 'Accounts',
  postings: 'Postings',
  transfers: 'Transfers',
  setAside: 'Notices set aside',
  audit: 'Audit',
  auditOk: 'The books balance',
  auditBad: 'The books do not balance',
  auditAt: 'Re-added',
  auditNow: 'Re-add them now',
  auditFirst: 'The books are being re-added',
  only: 'This page is for the operator.',
}
const fr: typeof en = {
  title: 'L’instance en un coup d’œil',
  people: 'Personnes',
  live: 'Salles en direct',
  coins: 'Pièces vendues',
  held: 'Ce que garde la plateforme',
  heldText: 'L’argent chez le prestataire, et ce qu’il représente.',
  holdings: {
    psp_clearing: 'Chez le prestataire de paiement',
    coin_float: 'Pour les pièces pas encore dépensées',
    diamond_float: 'Pour les diamants pas encore encaissés',
    platform_revenue: 'La part de la plateforme',
  },
  accounts: 'Comptes',
  postings: 'Opérations',
  transfers: 'Écritures',
  setAside: 'Avis mis de côté',
  audit: 'Audit',
  auditOk: 'Les comptes sont justes',
  auditBad: 'Les comptes ne sont pas justes',
  auditAt: 'Recalculés',
  auditNow: 'Recalculer maintenant',
  auditFirst: 'Les comptes sont recalculés',
  only: 'Cette page est réservée à l’exploitant.',
}

export const t = words({ en, fr })
export const dictionaries = { en, fr }
export { locale }
