/** Words about being told: the bell, its list, and the switches. */
import { explain as explainAny } from '$lib/i18n/common'
import { words } from '$lib/i18n/index.svelte'

const en = {
  title: 'Notices',
  unread: (n: number) => `Notices, ${n} new`,
  none: 'Nothing yet',
  noneText: 'When channels that you follow go live, it says so here.',
  wentLive: (name: string) => `${name} went live`,
  isLive: (name: string) => `${name} is live`,
  settings: 'How you are told',
  settingsText: 'When a channel that you follow goes live, at most once in two hours.',
  inApp: 'On this site',
  email: 'By e-mail',
  push: 'On your devices',
  address: 'Your e-mail address',
  addressHint: 'A letter there asks whether it is yours. What is decided about you, or about what you reported, comes there, too.',
  give: 'Use this address',
  change: 'Another address',
  forget: 'Forget it',
  confirmed: (address: string) => `To ${address}`,
  asked: (address: string) => `A letter is on its way to ${address}. Follow its link, and you are done.`,
  noLetters: 'This site sends no e-mail.',
  thisDevice: 'Tell me on this device',
  notThisDevice: 'Not on this device',
  cannotPush: 'This browser cannot be told. On an iPhone, put the site on the home screen first.',
  refusedPush: 'The browser does not let this site show notices. Change it in its settings.',
  channels: 'Channels that you follow',
  noChannels: 'You follow nobody yet.',
  bellOn: (name: string) => `You are told when ${name} goes live`,
  bellOff: (name: string) => `You are not told when ${name} goes live`,
  calendar: 'Add to calendar',
  problems: {
    no_letters: 'This site sends no e-mail.',
    too_many_attempts: 'Too many addresses for one day. Try again tomorrow.',
    not_followed: 'Follow the channel first.',
  } as Record<string, string>,
}

const fr: typeof en = {
  title: 'Notifications',
  unread: (n) => `Notifications, ${n} à lire`,
  none: 'Rien pour l’instant',
  noneText: 'Quand une chaîne que vous suivez passe en direct, c’est dit ici.',
  wentLive: (name) => `${name} est passé en direct`,
  isLive: (name) => `${name} est en direct`,
  settings: 'Comment vous prévenir',
  settingsText: 'Quand une chaîne que vous suivez passe en direct, au plus une fois en deux heures.',
  inApp: 'Sur ce site',
  email: 'Par e-mail',
  push: 'Sur vos appareils',
  address: 'Votre adresse e-mail',
  addressHint: 'Un message y demande si elle est bien à vous. Les décisions à votre sujet, ou au sujet de vos signalements, y arrivent aussi.',
  give: 'Utiliser cette adresse',
  change: 'Une autre adresse',
  forget: 'L’oublier',
  confirmed: (address) => `À ${address}`,
  asked: (address) => `Un message part vers ${address}. Suivez son lien, et c’est fait.`,
  noLetters: 'Ce site n’envoie pas d’e-mail.',
  thisDevice: 'Me prévenir sur cet appareil',
  notThisDevice: 'Plus sur cet appareil',
  cannotPush: 'Ce navigateur ne peut pas être prévenu. Sur un iPhone, ajoutez d’abord le site à l’écran d’accueil.',
  refusedPush: 'Le navigateur ne laisse pas ce site vous prévenir. Changez-le dans ses réglages.',
  channels: 'Les chaînes que vous suivez',
  noChannels: 'Vous ne suivez encore personne.',
  bellOn: (name) => `On vous prévient quand ${name} passe en direct`,
  bellOff: (name) => `On ne vous prévient pas quand ${name} passe en direct`,
  calendar: 'Ajouter au calendrier',
  problems: {
    no_letters: 'Ce site n’envoie pas d’e-mail.',
    too_many_attempts: 'Trop d’adresses pour un jour. Réessayez demain.',
    not_followed: 'Suivez d’abord la chaîne.',
  },
}

export const t = words({ en, fr })
export const dictionaries = { en, fr }
export const explain = (problem: unknown): string => explainAny(problem, t.problems)
