/**
 * Which way the picture comes: WHEP in real time, or HLS, steadier and seconds behind. Pure: what happened and the
 * time (ms, any one clock) go in, what should be so comes out; the tuner does it.
 *
 * WHEP is first. HLS joins when WHEP's picture is late, when the server sends us to it, or when the viewer chose it.
 * Until HLS moves, WHEP goes on as it would alone; from then on it is let go, and a later try of it happens beside
 * the moving picture, which changes only for a moving one.
 * Invariant: one of the two is always tried, and HLS is shown only while it is.
 */
export type Path = 'whep' | 'hls'
export type Wish = 'auto' | Path
/** `late`: no picture in time. `full`: no place in real time. `hls_only`: the source cannot be watched by WHEP. */
export type Why = 'late' | 'full' | 'hls_only' | 'chosen'

export interface PathState {
  readonly wish: Wish
  /** Which of the two has the screen. */
  readonly shown: Path
  readonly whep: boolean
  readonly hls: boolean
  /** Why there is HLS. After a try of WHEP that failed: what that one failed of. */
  readonly why: Why | null
  /** HLS has the screen, and its picture moves. */
  readonly steady: boolean
  /** When WHEP owes a picture. */
  readonly dueAt: number | null
  /** When WHEP is tried again by itself. */
  readonly againAt: number | null
  /** HLS could not be played here: not before then. `Infinity` where it never can. */
  readonly barredUntil: number
}

export type PathEvent =
  /** WHEP: a try began; it ended without the server, or without a camera on air; the server refused it. */
  | { is: 'opened' | 'absent' }
  | { is: 'refused'; why: 'full' | 'hls_only' }
  /** HLS: there is a playlist; it is gone, or the network is; it cannot be played. */
  | { is: 'found' | 'lost' }
  | { is: 'broken'; forever: boolean }
  | { is: 'moves'; path: Path }
  | { is: 'choose'; wish: Wish }
  /** `due`: the room is live and its page is seen, so a picture may be expected. */
  | { is: 'tick'; due: boolean }

export const patienceMs = 3_000
export const againMs = 60_000

export const first: PathState = {
  wish: 'auto',
  shown: 'whep',
  whep: true,
  hls: false,
  why: null,
  steady: false,
  dueAt: null,
  againAt: null,
  barredUntil: -Infinity,
}

/** The same object when nothing changes. */
export function step(now: PathState, event: PathEvent, atMs: number): PathState {
  switch (event.is) {
    case 'opened':
      return now.dueAt === null ? { ...now, dueAt: atMs + patienceMs } : now
    case 'absent':
      if (now.steady && now.whep) return stay(now, 'late', atMs)
      return now.dueAt === null ? now : { ...now, dueAt: null }
    case 'refused':
      return refused(now, event.why, atMs)
    case 'found':
      return now.hls && now.shown === 'whep' ? { ...now, shown: 'hls', whep: now.whep && now.wish !== 'hls' } : now
    case 'lost':
      return lost(now)
    case 'broken': {
      const barredUntil = event.forever ? Infinity : atMs + againMs
      return { ...first, wish: now.wish === 'hls' ? 'auto' : now.wish, barredUntil }
    }
    case 'moves':
      return event.path === 'whep' ? whepMoves(now) : hlsMoves(now, atMs)
    case 'choose':
      return choose(now, event.wish)
    case 'tick':
      return tick(now, event.due, atMs)
  }
}

function refused(now: PathState, why: 'full' | 'hls_only', atMs: number): PathState {
  if (now.steady) return stay(now, why, atMs)
  if (now.wish === 'hls' || atMs < now.barredUntil) return { ...now, dueAt: null }
  const next = { ...now, hls: true, why, dueAt: null }
  // Of a full room a place may come free before HLS is there; of one without WHEP nothing is to be had.
  return why === 'full' ? next : { ...next, wish: 'auto', shown: 'hls', whep: false }
}

/** What HLS showed has run out: now WHEP has nothing to disturb. */
function lost(now: PathState): PathState {
  if (!now.steady) return now
  return { ...now, steady: false, whep: now.wish !== 'hls' && now.why !== 'hls_only', dueAt: null, againAt: null }
}

function whepMoves(now: PathState): PathState {
  if (!now.whep) return now
  if (now.wish === 'hls' || (now.shown === 'whep' && !now.hls)) return now.dueAt === null ? now : { ...now, dueAt: null }
  return { ...first, wish: now.wish, barredUntil: now.barredUntil }
}

function hlsMoves(now: PathState, atMs: number): PathState {
  if (now.shown !== 'hls' || now.steady) return now
  return { ...stay(now, now.why, atMs), steady: true }
}

function choose(now: PathState, wish: Wish): PathState {
  if (wish === now.wish) return now
  if (wish === 'hls') {
    if (now.barredUntil === Infinity) return now
    return { ...now, wish, hls: true, why: 'chosen', whep: now.shown === 'whep', dueAt: null, againAt: null, barredUntil: -Infinity }
  }
  // Waiting for HLS while WHEP still plays: as if nothing had been chosen.
  if (now.shown === 'whep') return { ...now, wish, hls: now.hls && now.why !== 'chosen', why: now.why === 'chosen' ? null : now.why }
  if (wish === 'auto' && now.why !== 'chosen') return { ...now, wish }
  return { ...now, wish, whep: true, dueAt: null, againAt: null }
}

function tick(now: PathState, due: boolean, atMs: number): PathState {
  if (!due) return now.dueAt === null ? now : { ...now, dueAt: atMs + patienceMs }
  if (now.dueAt !== null && atMs >= now.dueAt) {
    if (now.steady) return stay(now, 'late', atMs)
    if (now.hls) return { ...now, dueAt: null }
    return atMs < now.barredUntil ? now : { ...now, hls: true, why: 'late', dueAt: null }
  }
  return now.againAt !== null && atMs >= now.againAt ? { ...now, whep: true, dueAt: null, againAt: null } : now
}

/** HLS it is. Only WHEP that came late is tried again unasked: the other reasons are not of a moment. */
function stay(now: PathState, why: Why | null, atMs: number): PathState {
  return {
    ...now,
    wish: now.wish === 'whep' ? 'auto' : now.wish,
    why,
    whep: false,
    dueAt: null,
    againAt: why === 'late' ? atMs + againMs : null,
  }
}
