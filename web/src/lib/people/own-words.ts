/** Words of one's own data. */
import { locale, words } from '$lib/i18n/index.svelte'

const en = {
  title: 'Your data',
  text: 'All that this site holds of you, as one file: your profile, what you said, what you paid, what was decided about you.',
  password: 'Your password',
  get: 'Download my data',
  problems: { password_wrong: 'This is not your password.' } as Record<string, string>,
}
const fr: typeof en = {
  title: 'Vos données',
  text: 'Tout ce que ce site garde de vous, en un fichier : votre profil, vos messages, vos paiements, les décisions à votre sujet.',
  password: 'Votre mot de passe',
  get: 'Télécharger mes données',
  problems: { password_wrong: 'Ce n’est pas votre mot de passe.' },
}

export const t = words({ en, fr })
export const dictionaries = { en, fr }
export { locale }
