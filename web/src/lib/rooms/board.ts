/** What stands beside the picture, as a value: who gives most, and what is being given for. */
import type { Board } from '$lib/api'
import type { GoalEvent } from './wire'

export const bare: Board = { top: [], goals: [] }

/** A goal as it is now takes the place of the same one, stands last when it is new, and goes when it was removed. */
export function moved(board: Board, { goal }: GoalEvent): Board {
  const at = board.goals.findIndex((known) => known.id === goal.id)
  const now = goal.state === 'removed' ? [] : [goal]
  return { ...board, goals: board.goals.toSpliced(at < 0 ? board.goals.length : at, 1, ...now) }
}
