/** Words of a page on which nothing is live. */
import { dayTime } from '$lib/i18n/format'
import { words } from '$lib/i18n/index.svelte'

const en = {
  endedTitle: 'That’s a wrap',
  endedText: (name: string) => `${name}’s live has ended. Thank you for being there.`,
  offlineTitle: (name: string) => `${name} is not live right now`,
  offlineText: 'Leave this page open: the picture starts by itself.',
  scheduledFor: (at: string) => `Starts ${dayTime(at)}`,
  lobbyText: 'Almost there. The show starts in a moment.',
  nextUp: 'Playing elsewhere',
  unknownTitle: 'Nobody plays at this corner',
  unknownText: 'There is no channel or live at this address.',
  allLives: 'See who is live',
}

const fr: typeof en = {
  endedTitle: 'C’est fini !',
  endedText: (name) => `Le direct de ${name} est terminé. Merci d’avoir été là.`,
  offlineTitle: (name) => `${name} n’est pas en direct`,
  offlineText: 'Gardez cette page ouverte : l’image démarre toute seule.',
  scheduledFor: (at) => `Début ${dayTime(at)}`,
  lobbyText: 'On y est presque. Le spectacle commence dans un instant.',
  nextUp: 'À voir ailleurs',
  unknownTitle: 'Personne ne joue à ce coin de rue',
  unknownText: 'Aucune chaîne ni aucun direct à cette adresse.',
  allLives: 'Voir qui est en direct',
}

export const t = words({ en, fr })
export const dictionaries = { en, fr }
