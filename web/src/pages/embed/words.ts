/** Words of the player on others' pages: a few, so that it needs nothing of the app. */
const clock = (at: string, lang: string): string => new Intl.DateTimeFormat(lang, { dateStyle: 'medium', timeStyle: 'short' }).format(new Date(at))

const en = {
  lang: 'en',
  looking: '…',
  unmute: 'Sound on',
  mute: 'Sound off',
  open: 'Watch on Busk',
  unknown: 'There is nothing at this address.',
  notPublic: (name: string) => `${name}’s live is not for everybody.`,
  off: (name: string) => `${name} is not live right now.`,
  soon: (name: string, at: string) => `${name} goes live on ${clock(at, 'en')}.`,
}
const fr: typeof en = {
  lang: 'fr',
  looking: '…',
  unmute: 'Activer le son',
  mute: 'Couper le son',
  open: 'Regarder sur Busk',
  unknown: 'Il n’y a rien à cette adresse.',
  notPublic: (name) => `Le direct de ${name} n’est pas ouvert à tous.`,
  off: (name) => `${name} n’est pas en direct pour l’instant.`,
  soon: (name, at) => `${name} sera en direct le ${clock(at, 'fr')}.`,
}
const all = { en, fr }

/** The first of the browser's languages that is spoken here. */
export function wordsFor(languages: readonly string[]): typeof en {
  const lang = languages.map((tag) => tag.slice(0, 2).toLowerCase()).find((tag) => tag === 'en' || tag === 'fr')
  return all[lang ?? 'en']
}
export const dictionaries = all
