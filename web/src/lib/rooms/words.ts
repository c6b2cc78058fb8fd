/** Words of the room: watching and waiting. */
import { locale, words } from '$lib/i18n/index.svelte'

const en = {
  liveOf: (name: string) => `${name} live on Busk`,
  chat: 'Chat',
  gifts: 'Gifts',
  mute: 'Mute',
  unmute: 'Unmute',
  tapToUnmute: 'Tap for sound',
  settings: 'Picture settings',
  pip: 'Small window',
  fullscreen: 'Full screen',
  share: 'Share',
  linkCopied: 'Link copied',
  tuning: 'Tuning in…',
  tuningHard: 'The picture does not get through yet. Your network may block it; we keep trying.',
  interrupted: 'Short break',
  interruptedText: (name: string) => `${name} lost the connection and is coming back.`,
  backBefore: (s: number) => `${s} s left to return`,
}

const fr: typeof en = {
  liveOf: (name) => `${name} en direct sur Busk`,
  chat: 'Discussion',
  gifts: 'Cadeaux',
  mute: 'Couper le son',
  unmute: 'Activer le son',
  tapToUnmute: 'Toucher pour le son',
  settings: 'Réglages de l’image',
  pip: 'Petite fenêtre',
  fullscreen: 'Plein écran',
  share: 'Partager',
  linkCopied: 'Lien copié',
  tuning: 'On règle l’image…',
  tuningHard: 'L’image ne passe pas encore. Votre réseau la bloque peut-être ; nous continuons d’essayer.',
  interrupted: 'Petite pause',
  interruptedText: (name) => `${name} a perdu la connexion et revient.`,
  backBefore: (s) => `encore ${s} s pour revenir`,
}

export const t = words({ en, fr })
export const dictionaries = { en, fr }
export { locale }
