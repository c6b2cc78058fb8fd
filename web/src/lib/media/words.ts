/** Words of the picture's settings. */
import { words } from '$lib/i18n/index.svelte'

const en = {
  title: 'Picture',
  way: 'Playback',
  auto: 'Auto',
  realTime: 'Real time',
  stable: 'Stable',
  hints: {
    auto: 'Real time where it gets through, else stable.',
    whep: 'Nearest to the stage, on a good network.',
    hls: 'Some seconds behind, steady on a weak network.',
  },
  trying: 'Trying real time…',
  finding: 'Looking for the stable picture…',
  why: {
    late: 'Real time does not get through right now.',
    full: 'Every place in real time is taken.',
    hls_only: 'This live cannot be watched in real time here.',
  },
  quality: 'Quality',
  behind: (seconds: string) => `${seconds} s behind`,
}

const fr: typeof en = {
  title: 'Image',
  way: 'Lecture',
  auto: 'Auto',
  realTime: 'Temps réel',
  stable: 'Stable',
  hints: {
    auto: 'Temps réel quand il passe, sinon stable.',
    whep: 'Au plus près de la scène, avec un bon réseau.',
    hls: 'Quelques secondes de retard, fiable sur un réseau faible.',
  },
  trying: 'Essai du temps réel…',
  finding: 'Recherche de l’image stable…',
  why: {
    late: 'Le temps réel ne passe pas pour le moment.',
    full: 'Toutes les places en temps réel sont prises.',
    hls_only: 'Ce direct ne peut pas être vu en temps réel ici.',
  },
  quality: 'Qualité',
  behind: (seconds) => `${seconds} s de retard`,
}

export const t = words({ en, fr })
export const dictionaries = { en, fr }
