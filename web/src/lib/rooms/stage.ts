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

/** Whether somebody is in the picture besides the host. */
export function guestsSeen({ layout, focus, seats }: Pick<StageView, 'layout' | 'focus' | 'seats'>): boolean {
  return seats.some(({ seat, on_air }) => seat > 0 && on_air && (layout !== 'solo' || seat === focus))
}
