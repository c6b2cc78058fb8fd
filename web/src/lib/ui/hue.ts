/** A stable hue for a name: warm ones first, so that a crowd still looks like Busk. */
const hues = [30, 48, 70, 95, 140, 175, 205, 250, 300, 340, 12] as const

export function hueOf(name: string): number {
  return hues[hashOf(name) % hues.length]!
}

/** FNV-1a over UTF-16 units: small, stable, not for secrets. */
export function hashOf(text: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return hash >>> 0
}
