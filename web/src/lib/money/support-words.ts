/** Words of supporters: ranking, goals, the creator's list. */
import type { GoalKind } from '$lib/api'
import { number } from '$lib/i18n/format'
import { plural, words } from '$lib/i18n/index.svelte'

const en = {
  top: 'Top supporters',
  ranking: 'Ranking',
  thisLive: 'This live',
  thirtyDays: '30 days',
  nobodyYet: 'Nobody yet. The first gift leads.',
  you: 'You',
  progress: (soFar: string, target: string) => `${soFar} of ${target}`,
  reached: 'Reached!',
  goals: 'Goals',
  goalsText: 'Up to three, for everyone to see. Gifts and badges from now on count.',
  addGoal: 'Set a goal',
  removeGoal: 'Remove this goal',
  goalTitle: 'What for?',
  goalKind: 'What counts',
  target: 'How much',
  kinds: { gifts: 'Gifts', coins: 'Coins', money: 'Money' } as Record<GoalKind, string>,
  anyGift: 'Any gift',
  setIt: 'Set the goal',
  supporters: 'Supporters',
  supportersText: 'Everyone who has given, over all your lives. Only you see this list.',
  noSupporters: 'Nobody has given yet',
  noSupportersText: 'Whoever sends a gift or buys a badge in a live of yours will stand here, for good.',
  badgesN: (n: number) => `${number(n)} ${plural(n, { one: 'badge', other: 'badges' }, 'en')}`,
  giftsN: (n: number) => `${number(n)} ${plural(n, { one: 'gift', other: 'gifts' }, 'en')}`,
  livesN: (n: number) => `in ${number(n)} ${plural(n, { one: 'live', other: 'lives' }, 'en')}`,
  last: (when: string) => `last on ${when}`,
  all: 'All supporters',
  signIn: 'Sign in to see your supporters',
  problems: {
    too_many_goals: 'There are three goals already. Remove one first.',
    room_not_open: 'This live is over.',
  } as Record<string, string>,
}

const fr: typeof en = {
  top: 'Meilleurs soutiens',
  ranking: 'Classement',
  thisLive: 'Ce direct',
  thirtyDays: '30 jours',
  nobodyYet: 'Personne encore. Le premier cadeau mène.',
  you: 'Vous',
  progress: (soFar, target) => `${soFar} sur ${target}`,
  reached: 'Atteint !',
  goals: 'Objectifs',
  goalsText: 'Trois au plus, visibles par tous. Les cadeaux et badges à partir de maintenant comptent.',
  addGoal: 'Fixer un objectif',
  removeGoal: 'Retirer cet objectif',
  goalTitle: 'Pour quoi ?',
  goalKind: 'Ce qui compte',
  target: 'Combien',
  kinds: { gifts: 'Cadeaux', coins: 'Pièces', money: 'Argent' },
  anyGift: 'Tous les cadeaux',
  setIt: 'Fixer l’objectif',
  supporters: 'Soutiens',
  supportersText: 'Toutes les personnes qui ont donné, dans tous vos directs. Vous seul voyez cette liste.',
  noSupporters: 'Personne n’a encore donné',
  noSupportersText: 'Qui envoie un cadeau ou achète un badge dans un de vos directs figurera ici, pour toujours.',
  badgesN: (n) => `${number(n)} ${plural(n, { one: 'badge', other: 'badges' }, 'fr')}`,
  giftsN: (n) => `${number(n)} ${plural(n, { one: 'cadeau', other: 'cadeaux' }, 'fr')}`,
  livesN: (n) => `dans ${number(n)} ${plural(n, { one: 'direct', other: 'directs' }, 'fr')}`,
  last: (when) => `dernière fois le ${when}`,
  all: 'Tous les soutiens',
  signIn: 'Connectez-vous pour voir vos soutiens',
  problems: {
    too_many_goals: 'Il y a déjà trois objectifs. Retirez-en un d’abord.',
    room_not_open: 'Ce direct est terminé.',
  },
}

export const t = words({ en, fr })
export const dictionaries = { en, fr }
