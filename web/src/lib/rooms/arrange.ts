/**
 * Where each seat is drawn. Pure: who is on stage, the host's layout and the shape of the box go in, rectangles in
 * parts of the box (0 to 1) come out. A seat without one is heard, not seen. Every screen lays out its own box.
 */
import type { Layout } from './wire'

export interface Rect {
  x: number
  y: number
  w: number
  h: number
}

const whole: Rect = { x: 0, y: 0, w: 1, h: 1 }
/** Narrower than this, a face's surroundings are lost: two beside each other are then made lower instead. */
const narrowest = 0.8
/** From here on a box has more room beside a picture than below it. */
const broad = 1.55

/** `aspect` is the box's width by its height, `picture` that of most pictures in it. */
export function arrange(seats: readonly number[], layout: Layout, focus: number | null, aspect: number, picture = 16 / 9): Map<number, Rect> {
  const order = [...seats].sort((a, b) => a - b)
  const first = order.includes(focus ?? -1) ? focus! : order[0]
  if (first === undefined) return new Map()
  if (layout === 'solo' || order.length === 1) return new Map([[first, whole]])
  const others = order.filter((seat) => seat !== first)
  if (layout === 'spotlight') return pair([first, ...others], spotlight(others.length, aspect))
  const stacked = aspect < 1 && picture >= 1
  if (order.length === 2) return pair(order, stacked ? stackedHalves : halves(aspect))
  if (order.length === 3) return pair([first, ...others], three(stacked))
  return pair(order, [0, 1, 2, 3].map((i) => ({ x: (i % 2) / 2, y: i < 2 ? 0 : 0.5, w: 0.5, h: 0.5 })))
}

function pair(seats: readonly number[], rects: readonly Rect[]): Map<number, Rect> {
  return new Map(rects.map((rect, i) => [seats[i]!, rect]))
}

const stackedHalves: Rect[] = [0, 0.5].map((y) => ({ x: 0, y, w: 1, h: 0.5 }))

function halves(aspect: number): Rect[] {
  if (aspect < 1) return [0, 0.5].map((x) => ({ x, y: 0, w: 0.5, h: 1 }))
  const h = Math.min(1, (aspect * 0.5) / narrowest)
  return [0, 0.5].map((x) => ({ x, y: (1 - h) / 2, w: 0.5, h }))
}

function three(stacked: boolean): Rect[] {
  if (stacked) return [{ ...whole, h: 0.5 }, { x: 0, y: 0.5, w: 0.5, h: 0.5 }, { x: 0.5, y: 0.5, w: 0.5, h: 0.5 }]
  return [{ ...whole, w: 0.6 }, { x: 0.6, y: 0, w: 0.4, h: 0.5 }, { x: 0.6, y: 0.5, w: 0.4, h: 0.5 }]
}

/** One large; the others in a column beside it, or in a row below it: in its middle, but on a phone where no thumb is. */
function spotlight(others: number, aspect: number): Rect[] {
  if (aspect >= broad) {
    const h = 1 / 3
    const top = (1 - others * h) / 2
    return [{ ...whole, w: 0.8 }, ...Array.from({ length: others }, (_, i) => ({ x: 0.8, y: top + i * h, w: 0.2, h }))]
  }
  const w = 1 / 3
  const left = aspect < 1 ? 0 : (1 - others * w) / 2
  return [{ ...whole, h: 0.75 }, ...Array.from({ length: others }, (_, i) => ({ x: left + i * w, y: 0.75, w, h: 0.25 }))]
}

export const isWhole = (rect: Rect | undefined): boolean => rect?.w === 1 && rect.h === 1

/** Whether a picture may be cropped to its tile: a face is in the middle, but not of a sliver. */
export function crops(rect: Rect | undefined, boxAspect: number, aspect: number): boolean {
  if (!rect || isWhole(rect)) return false
  const tile = (boxAspect * rect.w) / rect.h
  return Math.max(tile / aspect, aspect / tile) < 2.4
}

/** As a style for something in the box; a thin gap is left around all but the whole. */
export function placed(rect: Rect | undefined): string {
  if (!rect) return 'opacity:0;pointer-events:none'
  if (isWhole(rect)) return ''
  const at = (part: number) => `calc(${+(part * 100).toFixed(3)}% + 2px)`
  const size = (part: number) => `calc(${+(part * 100).toFixed(3)}% - 4px)`
  return `left:${at(rect.x)};top:${at(rect.y)};width:${size(rect.w)};height:${size(rect.h)};border-radius:0.75rem`
}
