/** Words of emotes: picking one in chat, and the creator's list. */
import { words } from '$lib/i18n/index.svelte'

const en = {
  emotes: 'Emotes',
  text: 'Small pictures that your subscribers use in chat, up to 50. They are written as :name:.',
  name: 'Name',
  nameHint: '2 to 20 letters, digits and _.',
  picture: 'Picture',
  pictureHint: 'PNG, JPEG, WebP or GIF; of a moving one, its first picture.',
  tiers: 'For subscribers of',
  everyTier: 'every tier',
  add: 'Add the emote',
  change: (name: string) => `Change whom :${name}: is for`,
  remove: (name: string) => `Remove :${name}:`,
  noPicture: 'This picture cannot be read.',
  problems: {
    name_taken: 'Another emote has this name.',
    too_many: 'There are 50 emotes already. Remove one first.',
  } as Record<string, string>,
}

const fr: typeof en = {
  emotes: 'Émotes',
  text: 'De petites images que vos abonnés écrivent dans la discussion, 50 au plus : par leur nom, entre deux-points.',
  name: 'Nom',
  nameHint: 'De 2 à 20 lettres, chiffres et _.',
  picture: 'Image',
  pictureHint: 'PNG, JPEG, WebP ou GIF ; d’une image animée, la première.',
  tiers: 'Pour les abonnés de',
  everyTier: 'toutes les formules',
  add: 'Ajouter l’émote',
  change: (name) => `Changer à qui sert :${name}:`,
  remove: (name) => `Retirer :${name}:`,
  noPicture: 'Cette image est illisible.',
  problems: {
    name_taken: 'Une autre émote porte ce nom.',
    too_many: 'Il y a déjà 50 émotes. Retirez-en une d’abord.',
  },
}

export const t = words({ en, fr })
export const dictionaries = { en, fr }
