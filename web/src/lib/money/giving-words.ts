/** Words of months that are given to others. */
import { number } from '$lib/i18n/format'
import { plural, words } from '$lib/i18n/index.svelte'

const en = {
  open: 'Give to…',
  title: 'Give a month',
  anybody: 'Anybody here',
  person: 'Somebody',
  tier: 'Which tier?',
  howMany: 'How many?',
  drawn: 'Drawn when it is paid, among those in this live who are not subscribers. For each that nobody is found for, the money goes back at once.',
  who: 'Their user name',
  rules: 'One month each. Nothing is renewed, and they are never charged.',
  back: 'Back',
  pay: (amount: string) => `Give for ${amount}`,
  paid: 'Given. Thank you!',
  drawing: 'Drawing…',
  went: (names: string) => `For ${names}.`,
  wentBack: (n: number, amount: string) => `For ${number(n)} nobody was found: ${amount} ${plural(n, { one: 'goes', other: 'go' }, 'en')} back to you.`,
  problems: {
    yourself: 'For yourself, subscribe.',
    owner: 'It is their own channel.',
    other_tier: 'They subscribe to another tier. Give them that one.',
    not_possible: 'It cannot be given to them.',
    person_unknown: 'Nobody has this user name.',
    room_not_live: 'This live is over.',
  } as Record<string, string>,
}

const fr: typeof en = {
  open: 'Offrir à…',
  title: 'Offrir un mois',
  anybody: 'Aux présents',
  person: 'À quelqu’un',
  tier: 'Quelle formule ?',
  howMany: 'Combien ?',
  drawn: 'Tirés au sort au paiement, parmi les présents qui ne sont pas abonnés. S’il en manque, leur part vous est rendue aussitôt.',
  who: 'Son nom d’utilisateur',
  rules: 'Un mois chacun. Rien n’est reconduit, et rien ne leur est débité.',
  back: 'Retour',
  pay: (amount) => `Offrir pour ${amount}`,
  paid: 'Offert. Merci !',
  drawing: 'Tirage…',
  went: (names) => `Pour ${names}.`,
  wentBack: (n, amount) => `Personne pour ${number(n)} : ${amount} vous ${plural(n, { one: 'est rendu', other: 'sont rendus' }, 'fr')}.`,
  problems: {
    yourself: 'Pour vous-même, abonnez-vous.',
    owner: 'C’est sa propre chaîne.',
    other_tier: 'Cette personne a une autre formule. Offrez-lui celle-là.',
    not_possible: 'Impossible de le lui offrir.',
    person_unknown: 'Personne n’a ce nom d’utilisateur.',
    room_not_live: 'Ce direct est terminé.',
  },
}

export const t = words({ en, fr })
export const dictionaries = { en, fr }
