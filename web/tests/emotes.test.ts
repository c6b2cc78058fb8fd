/** Where emotes stand in a text: only those that the message names, and all else stays text. */
import { expect, test } from 'vitest'
import { piecesOf } from '../src/lib/rooms/emotes'

const pogo = { id: 'p', name: 'pogo' }

test.each([
  ['hi :pogo: there', ['hi ', pogo, ' there']],
  [':pogo::pogo:', [pogo, pogo]],
  ['it is 10:30:45', ['it is 10', ':30:', '45']],
  [':wave: <img src=x>', [':wave:', ' <img src=x>']],
  ['', []],
])('%s', (text, pieces) => {
  expect(piecesOf(text, [pogo])).toEqual(pieces)
})
