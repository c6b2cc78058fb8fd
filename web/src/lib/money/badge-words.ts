/** Words of badges: hearts beside a name, and who gets what of their price. */
import { words } from '$lib/i18n/index.svelte'

const en = {
  giftsTab: 'Gifts',
  badgesTab: 'Badges',
  lead: (name: string) => `Hearts beside your name for the rest of this live, and ${name} sees who was there.`,
  split: (name: string, creator: string, platform: string, fee: string) => `${name} gets ${creator}, the platform ${platform}, card fees ${fee}`,
  tax: (tax: string) => `tax ${tax}`,
  held: 'Yours in this live',
  finish: 'Finish paying',
  opening: 'Opening the payment page…',
  waiting: 'Waiting for your payment',
  waitingText: 'Finish in the window that opened. Your hearts appear by themselves.',
  openPage: 'Open the payment page',
  paid: 'The hearts are yours',
  paidText: 'They stand beside your name from now on.',
  declined: 'The payment was declined. Nothing was charged.',
  expired: 'No payment has come. Nothing was charged.',
  problems: {
    badge_held: 'You have this badge in this live already.',
    badge_being_paid: 'You are paying for this badge already, in another window.',
    spending_cap_reached: 'This would go over the spending cap that you have set in your profile.',
    age_undeclared: 'Say first in your profile that you are 18 or older.',
    self_badge: 'You cannot buy a badge in your own live.',
    too_many_payments: 'Too many payments in an hour. Try again later.',
  } as Record<string, string>,
}

const fr: typeof en = {
  giftsTab: 'Cadeaux',
  badgesTab: 'Badges',
  lead: (name) => `Des cœurs à côté de votre nom pour la suite de ce direct, et ${name} voit qui était là.`,
  split: (name, creator, platform, fee) => `${name} reçoit ${creator}, la plateforme ${platform}, frais de carte ${fee}`,
  tax: (tax) => `taxe ${tax}`,
  held: 'À vous pour ce direct',
  finish: 'Finir de payer',
  opening: 'Ouverture de la page de paiement…',
  waiting: 'En attente de votre paiement',
  waitingText: 'Terminez dans la fenêtre ouverte. Vos cœurs apparaissent tout seuls.',
  openPage: 'Ouvrir la page de paiement',
  paid: 'Les cœurs sont à vous',
  paidText: 'Ils sont désormais à côté de votre nom.',
  declined: 'Le paiement a été refusé. Rien n’a été débité.',
  expired: 'Aucun paiement n’est arrivé. Rien n’a été débité.',
  problems: {
    badge_held: 'Vous avez déjà ce badge pour ce direct.',
    badge_being_paid: 'Vous êtes déjà en train de payer ce badge, dans une autre fenêtre.',
    spending_cap_reached: 'Cet achat dépasserait le plafond que vous avez fixé dans votre profil.',
    age_undeclared: 'Déclarez d’abord dans votre profil que vous avez 18 ans ou plus.',
    self_badge: 'Vous ne pouvez pas acheter de badge dans votre propre direct.',
    too_many_payments: 'Trop de paiements en une heure. Réessayez plus tard.',
  },
}

export const t = words({ en, fr })
export const dictionaries = { en, fr }
