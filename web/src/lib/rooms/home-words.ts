/** Words of the front page. */
import { locale, words } from '$lib/i18n/index.svelte'

const en = {
  heroA: 'Play your corner.',
  heroB: 'Fill the hat.',
  heroText: 'Live music, craft, cooking, talk: go on in three taps, and see where every coin goes.',
  watchNow: 'Watch now',
  liveNow: 'Live now',
  soon: 'Coming up',
  nobodyTitle: 'The street is quiet',
  nobodyText: 'Nobody is live at the moment. Set down your hat and be the first.',
  demoTitle: 'This is a demo. Try both sides of the hat.',
  asViewer: 'Enter as a viewer',
  asViewerText: 'Chat, buy pretend coins, send gifts.',
  asCreator: 'Enter as a creator',
  asCreatorText: 'Go live with your camera and earn.',
  foot: 'Runs on your own server. Books you can add up yourself.',
  gallery: 'Components',
}

const fr: typeof en = {
  heroA: 'Jouez votre rue.',
  heroB: 'Remplissez le chapeau.',
  heroText: 'Musique, artisanat, cuisine, paroles : en direct en trois gestes, et chaque pièce se suit à la trace.',
  watchNow: 'Regarder',
  liveNow: 'En direct',
  soon: 'Bientôt',
  nobodyTitle: 'La rue est calme',
  nobodyText: 'Personne n’est en direct pour l’instant. Posez votre chapeau et soyez le premier.',
  demoTitle: 'Ceci est une démo. Essayez les deux côtés du chapeau.',
  asViewer: 'Entrer comme spectateur',
  asViewerText: 'Discuter, acheter des pièces fictives, offrir des cadeaux.',
  asCreator: 'Entrer comme artiste',
  asCreatorText: 'Passer en direct avec votre caméra et gagner.',
  foot: 'Tourne sur votre propre serveur. Des comptes que l’on peut refaire soi-même.',
  gallery: 'Composants',
}

export const t = words({ en, fr })
export const dictionaries = { en, fr }
export { locale }
