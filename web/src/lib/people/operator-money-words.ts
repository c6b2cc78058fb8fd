/** Words of the operator's lists about money: refunds, disputes, notices set aside. */
import { locale, words } from '$lib/i18n/index.svelte'

const en = {
  refunds: 'Refunds',
  disputes: 'Disputes',
  notices: 'Notices',
  none: { refunds: 'No refund wants you', disputes: 'No bank has asked for anything', notices: 'Every notice was understood' },
  open: 'Open',
  all: 'All',
  more: 'Show more',
  refund: {
    of: (amount: string, price: string) => `${amount} of ${price}`,
    states: { requested: 'Asked for', granted: 'On its way', done: 'Paid back', failed: 'Failed', refused: 'Refused' } as Record<string, string>,
    answer: 'Your answer, for the payer to read',
    grant: 'Give back',
    refuse: 'Refuse',
    said: 'Answer',
    rule: 'Coins go back as far as they are unspent.',
  },
  dispute: {
    states: { opened: 'Undecided', won: 'Won', lost: 'Lost' } as Record<string, string>,
    fee: 'Fee',
    frozen: 'Coins held',
    owed: 'Not covered',
    owes: 'The payer owes',
    writeOff: 'Write off',
    note: 'Why the platform pays it',
    sure: (amount: string) => `Write off ${amount}`,
    answerThere: 'Banks are answered on the payment provider’s own page.',
  },
  notice: {
    waits: 'Waits for its payment',
    seen: 'Looked at',
    note: 'What you found',
    lookedAt: 'Mark as looked at',
    again: 'Hear again',
    body: 'What the provider said',
    acts: { looked_at: 'looked at', hear_again: 'heard again' } as Record<string, string>,
    still: 'It still does not fit',
  },
  orders: { coins: 'Coins', badge: 'Badge', ticket: 'Ticket', subscription: 'Subscription', gifted_subscription: 'Gifted subscription' } as Record<string, string>,
  done: 'Done',
}
const fr: typeof en = {
  refunds: 'Remboursements',
  disputes: 'Litiges',
  notices: 'Avis',
  none: { refunds: 'Aucun remboursement ne vous attend', disputes: 'Aucune banque n’a rien demandé', notices: 'Tous les avis ont été compris' },
  open: 'En attente',
  all: 'Tous',
  more: 'En voir plus',
  refund: {
    of: (amount, price) => `${amount} sur ${price}`,
    states: { requested: 'Demandé', granted: 'En route', done: 'Remboursé', failed: 'Échoué', refused: 'Refusé' },
    answer: 'Votre réponse, que lira la personne',
    grant: 'Rembourser',
    refuse: 'Refuser',
    said: 'Réponse',
    rule: 'Les pièces sont reprises dans la mesure où elles ne sont pas dépensées.',
  },
  dispute: {
    states: { opened: 'En cours', won: 'Gagné', lost: 'Perdu' },
    fee: 'Frais',
    frozen: 'Pièces retenues',
    owed: 'Non couvert',
    owes: 'La personne doit',
    writeOff: 'Abandonner la dette',
    note: 'Pourquoi la plateforme paie',
    sure: (amount) => `Abandonner ${amount}`,
    answerThere: 'On répond aux banques sur la page du prestataire de paiement.',
  },
  notice: {
    waits: 'Attend son paiement',
    seen: 'Examiné',
    note: 'Ce que vous avez constaté',
    lookedAt: 'Marquer comme examiné',
    again: 'Entendre à nouveau',
    body: 'Ce qu’a dit le prestataire',
    acts: { looked_at: 'examiné', hear_again: 'entendu à nouveau' },
    still: 'Il ne convient toujours pas',
  },
  orders: { coins: 'Pièces', badge: 'Badge', ticket: 'Billet', subscription: 'Abonnement', gifted_subscription: 'Abonnement offert' },
  done: 'Fait',
}

export const t = words({ en, fr })
export const dictionaries = { en, fr }
export { locale }
