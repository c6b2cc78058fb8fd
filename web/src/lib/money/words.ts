/** Words of money in the room: gifts, coins, the split. */
import { locale, words } from '$lib/i18n/index.svelte'
import { number } from '$lib/i18n/format'

const en = {
  tray: 'Send a gift',
  balance: 'Your coins',
  getCoins: 'Get coins',
  send: 'Send',
  free: 'free',
  chosen: (name: string) => `Chosen: ${name}`,
  split: (creator: string, c: number, p: number) => `${creator} gets ${number(c)}, the platform ${number(p)}`,
  short: (n: number) => `${number(n)} more coins needed`,
  packsTitle: 'Get coins',
  packsText: '1 coin is 1 cent. Paid on the provider’s own page; the picture goes on here.',
  buy: 'Buy',
  opening: 'Opening the payment page…',
  waiting: 'Waiting for your payment',
  waitingText: 'Finish in the window that opened. Your coins arrive here by themselves.',
  openPage: 'Open the payment page',
  paid: (n: number) => `${number(n)} coins are yours`,
  paidText: 'Ready for the next song?',
  backToGifts: 'Back to the gifts',
  declined: 'The payment was declined. Nothing was charged.',
  capped: 'This would go over the spending cap that you have set in your profile.',
  givenUp: 'Still no answer from the provider. Coins will appear in your wallet when it arrives.',
  signInTitle: 'Sign in to send gifts',
  signInText: 'The picture keeps playing.',
  toYou: (gift: string) => `sent ${gift}`,
}

const fr: typeof en = {
  tray: 'Envoyer un cadeau',
  balance: 'Vos pièces',
  getCoins: 'Obtenir des pièces',
  send: 'Envoyer',
  free: 'gratuit',
  chosen: (name) => `Choisi : ${name}`,
  split: (creator, c, p) => `${creator} reçoit ${number(c)}, la plateforme ${number(p)}`,
  short: (n) => `Il manque ${number(n)} pièces`,
  packsTitle: 'Obtenir des pièces',
  packsText: '1 pièce vaut 1 centime. Paiement sur la page du prestataire ; l’image continue ici.',
  buy: 'Acheter',
  opening: 'Ouverture de la page de paiement…',
  waiting: 'En attente de votre paiement',
  waitingText: 'Terminez dans la fenêtre ouverte. Vos pièces arrivent ici toutes seules.',
  openPage: 'Ouvrir la page de paiement',
  paid: (n) => `${number(n)} pièces sont à vous`,
  paidText: 'Prêt pour la prochaine chanson ?',
  backToGifts: 'Retour aux cadeaux',
  declined: 'Le paiement a été refusé. Rien n’a été débité.',
  capped: 'Cet achat dépasserait le plafond que vous avez fixé dans votre profil.',
  givenUp: 'Toujours pas de réponse du prestataire. Les pièces apparaîtront dans votre porte-monnaie.',
  signInTitle: 'Connectez-vous pour offrir',
  signInText: 'L’image continue de jouer.',
  toYou: (gift) => `a envoyé ${gift}`,
}

export const t = words({ en, fr })
export const dictionaries = { en, fr }
export { locale }
