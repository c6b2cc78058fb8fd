/** The chat as an overlay shows it, as a value: what was taken away is not there any more, and there is no trace of it. */
import type { RoomEvent } from '$lib/api'
import type { Said, Speaker } from '$lib/rooms/wire'

export interface Line {
  id: string
  from: Speaker
  text: string
  emotes: NonNullable<Said['emotes']>
  /** When this screen heard it. */
  at: number
}

/** `now` in milliseconds. What is told a second time stays where it is. */
export function heard(lines: readonly Line[], event: RoomEvent, now: number, max: number): readonly Line[] {
  switch (event.type) {
    case 'said': {
      if (lines.some((line) => line.id === event.id)) return lines
      const { id, from, text, emotes } = event
      return [...lines, { id, from, text, emotes: emotes ?? [], at: now }].slice(-max)
    }
    case 'deleted':
      return lines.filter((line) => line.id !== event.message)
    case 'cleared':
      return lines.filter((line) => line.from.id !== event.person)
    default:
      return lines
  }
}

/** Those that stay; `seconds` 0: all. */
export function lasting(lines: readonly Line[], now: number, seconds: number): readonly Line[] {
  if (seconds === 0 || !lines.some((line) => now >= line.at + seconds * 1000)) return lines
  return lines.filter((line) => now < line.at + seconds * 1000)
}
