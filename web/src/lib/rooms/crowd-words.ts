/** Words of what a whole crowd does and is told: hearts, being taken along to another live, announcements. */
import { number } from '$lib/i18n/format'
import { plural, words } from '$lib/i18n/index.svelte'

const en = {
  react: 'Send a heart',
  reactions: (n: number) => `${number(n)} ${plural(n, { one: 'heart', other: 'hearts' }, 'en')}`,
  announcement: 'From the site:',
  arrivals: (name: string, n: number) => `${number(n)} ${plural(n, { one: 'viewer comes', other: 'viewers come' }, 'en')} over from ${name}. Say hello!`,
  follows: (name: string) => `${name} is following now`,
  taken: (name: string) => `On to ${name}`,
  takenText: (from: string, to: string, s: number) => `${from} takes everybody along to ${to}. You go in ${s} s.`,
  go: 'Go now',
  stay: 'Stay here',
  sendTitle: 'Take your viewers along',
  sendText: 'When you end, they go on to a live that is for everybody. They may stay.',
  sendNowhere: 'Nowhere',
  announceTitle: 'Tell everybody',
  announceText: 'It stands in the chat of every live that is on now.',
  announceField: 'What they should know',
  announceSend: 'Tell them',
  announced: (n: number) => (n === 0 ? 'Nothing is live now.' : `Told in ${plural(n, { one: 'one live', other: `${number(n)} lives` }, 'en')}.`),
  problems: {
    channel_not_open: 'That live has just ended, or is not for everybody.',
    blocked: 'That channel does not take viewers from you.',
  } as Record<string, string>,
}

const fr: typeof en = {
  react: 'Envoyer un cœur',
  reactions: (n) => `${number(n)} ${plural(n, { one: 'cœur', other: 'cœurs' }, 'fr')}`,
  announcement: 'De la part du site :',
  arrivals: (name, n) => `${number(n)} ${plural(n, { one: 'personne arrive', other: 'personnes arrivent' }, 'fr')} de chez ${name}. Dites bonjour !`,
  follows: (name) => `${name} suit la chaîne`,
  taken: (name) => `En route chez ${name}`,
  takenText: (from, to, s) => `${from} emmène tout le monde chez ${to}. Départ dans ${s} s.`,
  go: 'Y aller',
  stay: 'Rester ici',
  sendTitle: 'Emmener votre public',
  sendText: 'À la fin, il passe à un direct ouvert à tous. Chacun peut rester.',
  sendNowhere: 'Nulle part',
  announceTitle: 'Prévenir tout le monde',
  announceText: 'Le message s’affiche dans le chat de chaque direct en cours.',
  announceField: 'Ce qu’il faut savoir',
  announceSend: 'Envoyer',
  announced: (n) => (n === 0 ? 'Aucun direct en cours.' : `Affiché dans ${plural(n, { one: 'un direct', other: `${number(n)} directs` }, 'fr')}.`),
  problems: {
    channel_not_open: 'Ce direct vient de finir ou n’est pas ouvert à tous.',
    blocked: 'Cette chaîne n’accepte pas votre public.',
  },
}

export const t = words({ en, fr })
export const dictionaries = { en, fr }
