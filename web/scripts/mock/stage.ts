/// The pretend stage: who asks is let in after a moment, and in one's own live somebody asks soon.
import type { MockRoom } from './world.ts'

type Json = Record<string, unknown>
interface Seat {
  seat: number
  who: Json
  muted: boolean
  hidden: boolean
  on_air: boolean
}
export interface MockStage {
  layout: string
  focus: number | null
  seats: Seat[]
  asked: Json[]
  invited: Json[]
}

const seat = (n: number, who: Json, change: Partial<Seat> = {}): Seat => ({ seat: n, who, muted: false, hidden: false, on_air: true, ...change })
const person = (id: string, name: string, kind = 'person'): Json => ({ id, name, kind })
const others = [person('s-1', 'Jules de la Tour d’Auvergne-Lauraguais'), person('s-2', '小林さくら'), person('s-3', 'Pat', 'guest')]

export function makeStage(host: string, guests: number, layout = 'grid', focus: number | null = null): MockStage {
  const seats = [seat(0, { ...person('host', host), role: 'host' }), ...others.slice(0, guests).map((who, i) => seat(i + 1, who, { muted: i === 0, hidden: i === 1 }))]
  return { layout, focus, seats, asked: [], invited: [] }
}

export function stageView({ seats, layout, focus, asked, invited }: MockStage, me: unknown, mine: boolean): Json {
  const on = seats.find((each) => each.seat > 0 && each.who.id === me)
  const has = (list: Json[]) => list.some((each) => each.id === me)
  const state = on ? 'on' : has(asked) ? 'asked' : has(invited) ? 'invited' : null
  return { layout, focus, seats, seats_max: 4, mine: state && !mine ? { state, seat: on?.seat ?? null } : null, waiting: mine || on ? { asked, invited } : null }
}

/// One deed, and what the log tells of it to everyone (the mock has no other audience).
export function onStage(room: MockRoom, deed: string, body: Json, me: Json, append: (event: Json) => void): void {
  const { stage } = room
  const free = () => [1, 2, 3].find((n) => !stage.seats.some((each) => each.seat === n)) ?? 3
  const without = (id: unknown) => {
    stage.asked = stage.asked.filter((who) => who.id !== id)
    stage.invited = stage.invited.filter((who) => who.id !== id)
    stage.seats = stage.seats.filter((each) => each.seat === 0 || each.who.id !== id)
  }
  const tell = () => {
    append({ type: 'stage', layout: stage.layout, focus: stage.focus, seats: stage.seats })
    append({ type: 'stage_waiting', asked: stage.asked, invited: stage.invited })
  }
  const sit = (who: Json) => {
    without(who.id)
    const n = free()
    stage.seats = [...stage.seats, seat(n, who)].sort((a, b) => a.seat - b.seat)
    if (who.id === me.id) append({ type: 'stage_mine', state: 'on', seat: n, why: 'admitted' })
    tell()
  }
  const all = [...stage.asked, ...stage.invited, ...stage.seats.map((each) => each.who), me]
  const named = all.find((who) => who.id === body.person) ?? me
  switch (deed) {
    case 'ask':
      stage.asked = [...stage.asked, me]
      append({ type: 'stage_mine', state: 'asked', seat: null })
      setTimeout(() => stage.asked.includes(me) && sit(me), 4000)
      return tell()
    case 'admit':
    case 'join':
      return sit(named)
    case 'invite':
      stage.invited = [...stage.invited, person(`i-${String(body.handle)}`, String(body.handle))]
      return tell()
    case 'leave':
      append({ type: 'stage_mine', state: 'none', seat: null, why: 'left' })
      without(me.id)
      return tell()
    case 'remove':
      without(body.person)
      return tell()
    case 'switch': {
      const which = stage.seats.find((each) => (body.person ? each.who.id === body.person : each.who.id === me.id || each.seat === 0))
      if (which) Object.assign(which, { muted: body.muted ?? which.muted, hidden: body.hidden ?? which.hidden })
      return tell()
    }
    case 'layout':
      Object.assign(stage, { layout: body.layout, focus: body.focus ?? null })
      return tell()
  }
}

/// A live of one's own: two ask, one after the other.
export function knock(room: MockRoom, append: (event: Json) => void): void {
  others.slice(0, 3).forEach((who, i) =>
    setTimeout(() => {
      room.stage.asked = [...room.stage.asked, who]
      append({ type: 'stage_waiting', asked: room.stage.asked, invited: room.stage.invited })
    }, 1500 * (i + 1)),
  )
}
