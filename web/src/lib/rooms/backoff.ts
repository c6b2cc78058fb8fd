/** Full jitter: a thousand viewers of one dropped server must not return in the same instant. */
export function backoffMs(attempt: number, random: number, baseMs = 400, capMs = 15_000): number {
  const ceiling = Math.min(capMs, baseMs * 2 ** attempt)
  return Math.round(ceiling * (0.25 + 0.75 * random))
}
