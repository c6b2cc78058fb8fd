/** Words of the tools on a picture and of a break: they come after the first frame, and so do these. */
import { words } from '$lib/i18n/common'

const en = {
  mute: 'Mute',
  unmute: 'Unmute',
  settings: 'Picture settings',
  pip: 'Small window',
  fullscreen: 'Full screen',
  share: 'Share',
  linkCopied: 'Link copied',
  interrupted: 'Short break',
  interruptedText: (name: string) => `${name} lost the connection and is coming back.`,
  backBefore: (s: number) => `${s} s left to return`,
}

const fr: typeof en = {
  mute: 'Couper le son',
  unmute: 'Activer le son',
  settings: 'Réglages de l’image',
  pip: 'Petite fenêtre',
  fullscreen: 'Plein écran',
  share: 'Partager',
  linkCopied: 'Lien copié',
  interrupted: 'Petite pause',
  interruptedText: (name) => `${name} a perdu la connexion et revient.`,
  backBefore: (s) => `encore ${s} s pour revenir`,
}

export const t = words({ en, fr })
export const dictionaries = { en, fr }
