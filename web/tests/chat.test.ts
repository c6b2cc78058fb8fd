import { describe, expect, test } from 'vitest'
import * as chat from '../src/lib/rooms/chat'
import type { GiftEvent, Said, Speaker } from '../src/lib/rooms/wire'

const ana: Speaker = { id: 'ana', name: 'Ana', kind: 'person' }
const said = (id: string, text: string, n = 1): Said => ({ n, at: '', type: 'said', id, from: ana, text })
const rose = (count: number, n = 1): GiftEvent => ({
  n,
  at: '',
  type: 'gift',
  id: `g${count}`,
  from: ana,
  kind: 'rose',
  count: 1,
  price: 5,
  streak: { id: 's', count },
  total: 5,
})

describe('chat lines', () => {
  test('an own message stands at once and becomes the numbered one, once', () => {
    let lines = chat.say([], 'm1', ana, 'hi')
    expect(lines).toMatchObject([{ id: 'm1', state: 'sending', mine: true }])
    lines = chat.heard(lines, said('m0', 'before'), false)
    lines = chat.heard(lines, said('m1', 'hi'), true)
    expect(lines.map((line) => [line.id, line.state])).toEqual([
      ['m0', 'sent'],
      ['m1', 'sent'],
    ])
  })

  test('the answer before the event, the event before the answer: the same line', () => {
    const one = chat.heard(chat.acknowledged(chat.say([], 'm', ana, 'x'), 'm'), said('m', 'x'), true)
    const two = chat.acknowledged(chat.heard(chat.say([], 'm', ana, 'x'), said('m', 'x'), true), 'm')
    expect(one).toEqual(two)
  })

  test('a refusal is said at the line; a late one does not unsay a line that arrived', () => {
    expect(chat.failed(chat.say([], 'm', ana, 'x'), 'm', 'too fast')).toMatchObject([{ state: 'failed', why: 'too fast' }])
    expect(chat.failed(chat.heard([], said('m', 'x'), true), 'm', 'late')).toMatchObject([{ state: 'sent' }])
  })

  test('a deleted line keeps its place and loses its words', () => {
    const lines = chat.deleted(chat.heard([], said('m', 'secret'), false), { n: 2, at: '', type: 'deleted', message: 'm', by: 'ana' })
    expect(lines).toMatchObject([{ id: 'm', state: 'deleted', text: '' }])
  })

  test('who is taken out loses their words, also in the answers to them', () => {
    const reply = { message: 'm1', author: 'ana', name: 'Ana', excerpt: 'one' }
    let lines = chat.heard([], said('m1', 'one'), false)
    lines = chat.heard(lines, { ...said('m2', 'yes'), from: { ...ana, id: 'ben' }, reply }, false)
    lines = chat.heard(lines, said('m3', 'three'), false)
    expect(chat.cleared(lines, 'ana')).toMatchObject([{ id: 'm1', state: 'deleted', text: '' }, { id: 'm2', text: 'yes', reply: { excerpt: '' } }, { id: 'm3', state: 'deleted', text: '' }])
    const one = chat.deleted(lines, { n: 4, at: '', type: 'deleted', message: 'm1', by: 'ana' })
    expect(one).toMatchObject([{ state: 'deleted' }, { reply: { excerpt: '' } }, { state: 'sent' }])
  })

  test('a streak is one line that grows and moves down', () => {
    let lines = chat.given([], rose(1))
    lines = chat.heard(lines, said('m', 'wow'), false)
    lines = chat.given(lines, rose(2))
    expect(lines.map((line) => line.id)).toEqual(['m', 'streak-s'])
    expect(lines[1]!.gift).toEqual({ kind: 'rose', count: 2 })
  })

  test('a gift that does not count up is a line of its own', () => {
    const lines = chat.given(chat.given([], { ...rose(1), id: 'a', streak: null }), { ...rose(1), id: 'b', streak: null })
    expect(lines).toHaveLength(2)
  })

  test('what is kept is bounded', () => {
    let lines: chat.Line[] = []
    for (let i = 0; i < chat.linesMax + 50; i++) lines = chat.heard(lines, said(`m${i}`, 'x', i), false)
    expect(lines).toHaveLength(chat.linesMax)
    expect(lines.at(-1)!.id).toBe(`m${chat.linesMax + 49}`)
  })
})
