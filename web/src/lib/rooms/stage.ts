/** The stage as a value: what the room log tells of it gives the next one. */
import type { StageEvent, StageView } from './wire'

/** With why one's own standing changed last. */
export type StageState = StageView & { why?: string }

export function staged(stage: StageState, event: StageEvent): StageState {
  switch (event.type) {
    case 'stage':
      return { ...stage, layout: event.layout, focus: event.focus ?? null, seats: event.seats }
    case 'stage_waiting':
      return { ...stage, waiting: { asked: event.asked, invited: event.invited } }
    case 'stage_mine':
      return { ...stage, mine: event.state === 'none' ? null : { state: event.state, seat: event.seat ?? null }, why: event.why ?? '' }
  }
}
