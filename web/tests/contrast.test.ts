/** The tokens as they are written must reach WCAG 2.2 AA: 4.5 for text, 3 for what is not text. */
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'

const css = readFileSync(new URL('../src/styles/app.css', import.meta.url), 'utf8')
const tokens = new Map<string, [string, string]>()
for (const [, name, value] of css.matchAll(/--color-([\w-]+): ([^;]+);/g)) {
  const both = /light-dark\((#\w+), (#\w+)\)/.exec(value!)
  if (both) tokens.set(name!, [both[1]!, both[2]!])
  else if (value!.startsWith('#')) tokens.set(name!, [value!, value!])
}

function luminance(hex: string): number {
  const [r, g, b] = [1, 3, 5].map((at) => {
    const c = parseInt(hex.slice(at, at + 2), 16) / 255
    return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4
  })
  return 0.2126 * r! + 0.7152 * g! + 0.0722 * b!
}
function contrast(a: string, b: string): number {
  const [high, low] = [luminance(a), luminance(b)].sort((x, y) => y - x)
  return (high! + 0.05) / (low! + 0.05)
}

const grounds = ['paper', 'card', 'sunken', 'raised']
const text: [string, string[]][] = [
  ['ink', [...grounds, 'signal-soft', 'gold-soft']],
  ['ink-soft', [...grounds, 'gold-soft']],
  ['ink-faint', ['paper', 'card', 'sunken']],
  ['signal-ink', [...grounds, 'signal-soft', 'gold-soft']],
  ['on-signal', ['signal', 'signal-press']],
  ['on-gold', ['gold', 'gold-press']],
  ['gold-ink', ['paper', 'card', 'sunken', 'gold-soft']],
  ['gem-ink', ['paper', 'card', 'sunken', 'gem-soft']],
  ['danger', ['paper', 'card', 'sunken', 'danger-soft']],
  ['on-danger', ['danger']],
  ['good', ['paper', 'card', 'sunken', 'good-soft']],
  ['white', ['live']],
  ['chalk', ['night', 'live']],
]
const edges: [string, string[]][] = [
  ['line-strong', ['paper', 'card', 'sunken']],
  ['signal', grounds],
  ['gem', ['paper', 'card', 'sunken']],
]

describe.each([
  ['light', 0],
  ['dark', 1],
] as const)('%s', (_look, side) => {
  const at = (name: string) => tokens.get(name)![side]
  test.each(text.flatMap(([front, backs]) => backs.map((back) => [front, back])))('%s on %s is readable', (front, back) => {
    expect(contrast(at(front), at(back))).toBeGreaterThanOrEqual(4.5)
  })
  test.each(edges.flatMap(([front, backs]) => backs.map((back) => [front, back])))('%s on %s can be seen', (front, back) => {
    expect(contrast(at(front), at(back))).toBeGreaterThanOrEqual(3)
  })
})
