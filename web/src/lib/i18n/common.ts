/** Words that more than one page says: places, states, units, refusals. */
import type { Problem } from '$lib/api'
import { locale, plural, words } from './index.svelte'
import { number } from './format'

const en = {
  tagline: 'Live, and paid for it.',
  nav: {
    main: 'Main',
    home: 'Live',
    studio: 'Studio',
    earnings: 'Earnings',
    me: 'You',
    operator: 'Operator',
    signIn: 'Sign in',
    signUp: 'Create account',
    signOut: 'Sign out',
    goLive: 'Go live',
    suspended: 'Suspended',
  },
  states: { scheduled: 'Soon', lobby: 'Backstage', live: 'Live', interrupted: 'Paused', ended: 'Ended' },
  look: { label: 'Look', system: 'Auto', light: 'Light', dark: 'Dark' },
  language: 'Language',
  loading: 'Loading',
  close: 'Close',
  cancel: 'Cancel',
  back: 'Back',
  save: 'Save',
  saved: 'Saved',
  copy: 'Copy',
  copied: 'Copied',
  tryAgain: 'Try again',
  more: 'Show more',
  coinsUnit: (n: number) => plural(n, { one: ' coin', other: ' coins' }, 'en'),
  diamondsUnit: (n: number) => plural(n, { one: ' diamond', other: ' diamonds' }, 'en'),
  viewers: (n: number) => `${number(n)} ${plural(n, { one: 'watching', other: 'watching' }, 'en')}`,
  problems: {
    offline: 'No connection. Check your network and try again.',
    unknown: 'Something went wrong. Try again.',
    insufficient_funds: 'Not enough coins.',
    room_not_live: 'This live is not on right now.',
    self_gift: 'You cannot send a gift to yourself.',
    too_fast: 'That was quick! Wait a moment before the next message.',
    too_many_attempts: 'Too many attempts. Wait a little, then try again.',
    sign_in_needed: 'Please sign in first.',
    name_needed: 'Pick a name first.',
    wrong_state: 'This live has moved on. Reload the page.',
    unavailable: 'The site is very busy. Try again in a moment.',
    internal: 'Something broke on our side. Try again.',
    full: 'The house is full at the moment. Try again soon.',
  } as Record<string, string>,
}

const fr: typeof en = {
  tagline: 'En direct, et payé pour ça.',
  nav: {
    main: 'Navigation',
    home: 'Direct',
    studio: 'Studio',
    earnings: 'Revenus',
    me: 'Vous',
    operator: 'Exploitation',
    signIn: 'Se connecter',
    signUp: 'Créer un compte',
    signOut: 'Se déconnecter',
    goLive: 'Passer en direct',
    suspended: 'Suspendu',
  },
  states: { scheduled: 'Bientôt', lobby: 'Coulisses', live: 'Direct', interrupted: 'En pause', ended: 'Terminé' },
  look: { label: 'Apparence', system: 'Auto', light: 'Clair', dark: 'Sombre' },
  language: 'Langue',
  loading: 'Chargement',
  close: 'Fermer',
  cancel: 'Annuler',
  back: 'Retour',
  save: 'Enregistrer',
  saved: 'Enregistré',
  copy: 'Copier',
  copied: 'Copié',
  tryAgain: 'Réessayer',
  more: 'Afficher plus',
  coinsUnit: (n) => plural(n, { one: ' pièce', other: ' pièces' }, 'fr'),
  diamondsUnit: (n) => plural(n, { one: ' diamant', other: ' diamants' }, 'fr'),
  viewers: (n) => `${number(n)} ${plural(n, { one: 'spectateur', other: 'spectateurs' }, 'fr')}`,
  problems: {
    offline: 'Pas de connexion. Vérifiez votre réseau et réessayez.',
    unknown: 'Quelque chose s’est mal passé. Réessayez.',
    insufficient_funds: 'Pas assez de pièces.',
    room_not_live: 'Ce direct n’est pas à l’antenne.',
    self_gift: 'Vous ne pouvez pas vous offrir un cadeau.',
    too_fast: 'Doucement ! Attendez un instant avant le prochain message.',
    too_many_attempts: 'Trop d’essais. Patientez un peu, puis réessayez.',
    sign_in_needed: 'Connectez-vous d’abord.',
    name_needed: 'Choisissez d’abord un nom.',
    wrong_state: 'Ce direct a changé d’état. Rechargez la page.',
    unavailable: 'Le site est très occupé. Réessayez dans un instant.',
    internal: 'Un problème de notre côté. Réessayez.',
    full: 'La salle est pleine pour le moment. Réessayez bientôt.',
  },
}

export const t = words({ en, fr })
export const dictionaries = { en, fr }

/** What a refusal means, in the language on screen; the server's own sentence when we know no better. `own` words go first. */
export function explain(problem: unknown, own: Record<string, string> = {}): string {
  const { kind, detail, title, offline } = problem as Problem
  if (offline) return t.problems.offline!
  return own[kind] ?? t.problems[kind] ?? (detail || title || t.problems.unknown!)
}

export { locale }
