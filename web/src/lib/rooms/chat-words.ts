/** Words of the chat. */
import { plural, words } from '$lib/i18n/index.svelte'
import { number } from '$lib/i18n/format'

const en = {
  sayHint: 'Say something nice',
  send: 'Send',
  notSent: 'Not sent',
  deletedLine: 'Message removed',
  lineMenu: 'Reply and more',
  newLines: (n: number) => `${n} new ${plural(n, { one: 'message', other: 'messages' }, 'en')}`,
  gap: (n: number) => `You were away: ${number(n)} ${plural(n, { one: 'message', other: 'messages' }, 'en')} skipped`,
  sampled: (shown: number, said: number) => `Fast chat: showing ${number(shown)} of ${number(said)} messages a second`,
  /** To those who are shown all. */
  sampledForOthers: (shown: number, said: number) => `Fast chat: viewers see ${number(shown)} of ${number(said)} messages a second`,
  welcome: 'Be kind, clap loudly.',
  guestAsk: 'Pick a name to chat',
  guestName: 'Your name',
  guestJoin: 'Join chat',
  orSignIn: 'or sign in',
  sent: 'sent',
  reconnecting: 'Reconnecting…',
}

const fr: typeof en = {
  sayHint: 'Dites un mot gentil',
  send: 'Envoyer',
  notSent: 'Non envoyé',
  deletedLine: 'Message retiré',
  lineMenu: 'Répondre et plus',
  newLines: (n) => `${n} ${plural(n, { one: 'nouveau message', other: 'nouveaux messages' }, 'fr')}`,
  gap: (n) => `Pendant votre absence : ${number(n)} ${plural(n, { one: 'message sauté', other: 'messages sautés' }, 'fr')}`,
  sampled: (shown, said) => `Chat rapide : ${number(shown)} messages affichés sur ${number(said)} par seconde`,
  sampledForOthers: (shown, said) => `Chat rapide : le public voit ${number(shown)} messages sur ${number(said)} par seconde`,
  welcome: 'Soyez sympa, applaudissez fort.',
  guestAsk: 'Choisissez un nom pour discuter',
  guestName: 'Votre nom',
  guestJoin: 'Participer',
  orSignIn: 'ou se connecter',
  sent: 'a envoyé',
  reconnecting: 'Reconnexion…',
}

export const t = words({ en, fr })
export const dictionaries = { en, fr }
