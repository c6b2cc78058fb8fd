/** A hangout's tiles: all of one size, inside the box, apart from each other; and what is asked for each. */
import { describe, expect, test } from 'vitest'
import { grid, heights } from '../src/lib/rooms/hangout-grid'

const desk = 16 / 9
const phone = 390 / 700

describe('tiles', () => {
  const shape = (people: number, aspect: number) => {
    const rects = grid(people, aspect)
    return [Math.round(1 / rects[0]!.w), Math.round(1 / rects[0]!.h)]
  }
  test.each([
    [1, [1, 1], [1, 1]],
    [2, [2, 1], [1, 2]],
    [3, [2, 2], [2, 2]],
    [4, [2, 2], [2, 2]],
    [5, [3, 2], [2, 3]],
    [6, [3, 2], [2, 3]],
    [7, [4, 2], [2, 4]],
    [8, [4, 2], [2, 4]],
  ])('%i people', (people, onDesk, onPhone) => {
    expect(shape(people, desk)).toEqual(onDesk)
    expect(shape(people, phone)).toEqual(onPhone)
    for (const aspect of [desk, phone]) {
      const rects = grid(people, aspect)
      expect(rects).toHaveLength(people)
      for (const [i, a] of rects.entries()) {
        expect(a.x).toBeGreaterThanOrEqual(0)
        expect(a.x + a.w).toBeLessThanOrEqual(1 + 1e-9)
        expect(a.y + a.h).toBeLessThanOrEqual(1 + 1e-9)
        for (const b of rects.slice(i + 1)) {
          const apart = a.x + a.w <= b.x + 1e-9 || b.x + b.w <= a.x + 1e-9 || a.y + a.h <= b.y + 1e-9
          expect(apart, `${people}: ${JSON.stringify([a, b])}`).toBe(true)
        }
      }
    }
  })
  test('one alone in the last row is in the middle', () => {
    expect(grid(3, desk)[2]).toEqual({ x: 0.25, y: 0.5, w: 0.5, h: 0.5 })
  })
  test('nobody has no tile', () => expect(grid(0, desk)).toEqual([]))
})

test('nothing is asked of oneself, of a camera that is off, and of empty seats', () => {
  const seats = [0, 2, 5].map((seat) => ({ seat, hidden: seat === 5 }))
  expect(heights(seats, { w: 1600, h: 900 }, 0, 1, 8)).toEqual([0, 0, 450, 0, 0, 0, 0, 0])
  expect(heights(seats, { w: 0, h: 0 }, 0, 1, 8)).toEqual(Array(8).fill(0))
})
