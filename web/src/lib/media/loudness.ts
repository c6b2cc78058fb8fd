/** Mean square in decibels, −60 dB to 0 dB laid out on 0 to 1. */
export function decibels(meanSquare: number): number {
  const db = 10 * Math.log10(Math.max(0, meanSquare) + 1e-10)
  return Math.min(1, Math.max(0, (db + 60) / 60))
}

export function loudness(wave: Float32Array): number {
  let sum = 0
  for (const sample of wave) sum += sample * sample
  return decibels(sum / wave.length)
}
