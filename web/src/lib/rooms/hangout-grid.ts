/**
 * Where everybody in a hangout is drawn: tiles of one size in rows, the last row in the middle. Pure: how many, and
 * the box's width by its height, give rectangles in parts of the box (0 to 1).
 */
import type { Rect } from './arrange'

export function grid(people: number, aspect: number): Rect[] {
  if (people < 1) return []
  const [long, short] = people <= 1 ? [1, 1] : people === 2 ? [2, 1] : people <= 4 ? [2, 2] : people <= 6 ? [3, 2] : [4, 2]
  const columns = aspect >= 1 ? long : short
  const rows = Math.ceil(people / columns)
  const [w, h] = [1 / columns, 1 / rows]
  return Array.from({ length: people }, (_, i) => {
    const row = Math.floor(i / columns)
    const inRow = row === rows - 1 ? people - row * columns : columns
    return { x: (1 - inRow * w) / 2 + (i % columns) * w, y: row * h, w, h }
  })
}

/** How high each seat's picture is on the screen, in its pixels; 0 for whom nothing is to be sent. */
export function heights(seats: readonly { seat: number; hidden: boolean }[], box: { w: number; h: number }, own: number | null, pixelRatio: number, most: number): number[] {
  const all = Array<number>(most).fill(0)
  if (box.h < 1) return all
  const rects = grid(seats.length, box.w / box.h)
  seats.forEach(({ seat, hidden }, i) => {
    if (seat === own || hidden || seat >= most) return
    const { w, h } = rects[i]!
    // A picture fills its tile and may be cropped to it.
    all[seat] = Math.max(1, Math.round(Math.max(box.h * h, (box.w * w * 9) / 16) * pixelRatio))
  })
  return all
}
