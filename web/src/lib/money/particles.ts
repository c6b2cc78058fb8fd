/** The bits that fly in a celebration, as plain numbers: no canvas, no clock, no randomness of its own. */
export interface Bit {
  x: number
  y: number
  vx: number
  vy: number
  spin: number
  turn: number
  size: number
  hue: number
  shape: 'paper' | 'coin' | 'spark'
  /** Seconds after the start at which it appears, and how long it lives. */
  from: number
  life: number
}

export type Show = 'confetti' | 'bursts' | 'coins'
const warm = [14, 28, 40, 48, 174, 345] as const

/** x and y in units of the stage's width and height, speeds per second. */
export function bits(show: Show, n: number, random: () => number): Bit[] {
  return Array.from({ length: n }, (_, i) => {
    const hue = warm[Math.floor(random() * warm.length)]!
    const base = { spin: (random() - 0.5) * 12, turn: random() * 6.28, size: 0.6 + random() * 0.9, hue }
    if (show === 'bursts') {
      const burst = i % 6
      const angle = random() * 6.28
      const speed = 0.08 + random() * 0.3
      const [x, y] = [0.14 + 0.145 * burst + 0.04 * (burst % 2), 0.2 + 0.14 * ((burst * 7) % 3)]
      return { ...base, hue: warm[burst]!, x, y, vx: Math.cos(angle) * speed, vy: Math.sin(angle) * speed, shape: 'spark', from: burst * 0.28, life: 1.1 + random() * 0.5 }
    }
    const coin = show === 'coins'
    return {
      ...base,
      x: random(),
      y: -0.1,
      vx: (random() - 0.5) * 0.16,
      vy: 0.18 + random() * 0.35,
      shape: coin ? 'coin' : 'paper',
      from: random() * 1.2,
      life: 2.4,
    }
  })
}

/** Where a bit is `t` seconds into the show; null before it appears and after it is gone. */
export function placeOf(bit: Bit, t: number): { x: number; y: number; turn: number; fade: number } | null {
  const age = t - bit.from
  if (age < 0 || age > bit.life) return null
  const drag = bit.shape === 'spark' ? (1 - Math.exp(-3 * age)) / 3 : age
  const fall = bit.shape === 'spark' ? 0.06 : 0.22
  return {
    x: bit.x + bit.vx * drag,
    y: bit.y + bit.vy * drag + 0.5 * fall * age * age,
    turn: bit.turn + bit.spin * age,
    fade: Math.min(1, (bit.life - age) * 2.5),
  }
}
