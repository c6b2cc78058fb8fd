import { describe, expect, test } from 'vitest'
import { partsOf } from '../src/lib/rooms/line-text'

const kinds = (text: string) => partsOf(text, ['bea_9', 'Bea Ode']).map(({ kind, text }) => `${kind} ${text}`)

describe('the parts of a line', () => {
  test.each([
    ['look: https://example.org/a?b=c.', ['text look: ', 'link https://example.org/a?b=c', 'text .']],
    ['(http://a.example)', ['text (', 'link http://a.example', 'text )']],
    ['https://a.example/x_(y)', ['link https://a.example/x_(y)']],
    ['@bea_9 and @BeaOde, not @bea', ['me @bea_9', 'text  and ', 'me @BeaOde', 'text , not ', 'name @bea']],
    ['mail me@bea_9.example', ['text mail me@bea_9.example']],
    ['javascript://alert(1) data://x', ['text javascript://alert(1) data://x']],
    ['https://', ['text https://']],
    ['<a href="https://a.example">', ['text <a href="', 'link https://a.example', 'text ">']],
  ])('%s', (text, expected) => {
    expect(kinds(text)).toEqual(expected)
    expect(partsOf(text, []).map((part) => part.text).join('')).toBe(text)
  })
})
