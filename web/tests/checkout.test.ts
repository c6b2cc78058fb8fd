/** A payment from the click to its end, whatever it is for; the API is the test's. */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { SpendingCaps } from '../src/lib/api'
import { leastLeft } from '../src/lib/money/caps'
import { checkout, coinOrder, type Order } from '../src/lib/money/checkout.svelte'
import { whatOf } from '../src/lib/money/purchases-words'
import { session } from '../src/lib/people/session.svelte'
import { toasts } from '../src/lib/ui/toasts.svelte'

const order: Order = { path: '/badge-purchases', body: { badge: 2 }, paid: () => 'two hearts' }
const page = { closed: false, location: { href: 'about:blank' }, close: () => (page.closed = true) }
const problem = (status: number, kind: string) => Response.json({ type: `/problems/${kind}`, title: kind, status }, { status })
let asked: { method: string; path: string; body: Record<string, unknown> }[]
let answer: (path: string, method: string) => Response | undefined
const money = (amount: number) => ({ amount, currency: 'USD' })
const states = (...list: string[]) => (path: string) =>
  path.startsWith('/payments/') ? Response.json({ state: list.length > 1 ? list.shift() : list[0], price: money(99), refunded: money(0) }) : undefined

beforeEach(() => {
  vi.useFakeTimers()
  asked = []
  answer = () => undefined
  Object.assign(page, { closed: false, location: { href: 'about:blank' } })
  vi.stubGlobal('window', { open: () => page })
  vi.stubGlobal('fetch', (address: string, { method = 'GET', body }: RequestInit) => {
    const path = address.replace('/api/v1', '')
    asked.push({ method, path, body: body ? JSON.parse(String(body)) : {} })
    const given = answer(path, method)
    if (given) return Promise.resolve(given)
    if (path === '/me') return Promise.resolve(Response.json({ ...session.me, coins: 350 }))
    if (path === '/me/adult') return Promise.resolve(new Response(null, { status: 204 }))
    return Promise.resolve(Response.json({ checkout_url: 'https://pay.example/1' }, { status: 201 }))
  })
  session.me = { ...session.me, kind: 'person', adult: true, coins: 0 }
  checkout.reset()
  checkout.watched = true
})
afterEach(() => {
  vi.useRealTimers()
  vi.unstubAllGlobals()
})
const soon = () => vi.advanceTimersByTimeAsync(1_000)

describe('a payment', () => {
  test('is begun by its order, watched by its id, and ends as the provider says', async () => {
    answer = states('pending', 'paid')
    void checkout.pay(order)
    await vi.advanceTimersByTimeAsync(0)
    expect(checkout.state).toBe('waiting')
    expect(page.location.href).toBe('https://pay.example/1')
    const { method, path, body } = asked[0]!
    expect({ method, path, body }).toMatchObject({ method: 'POST', path: '/badge-purchases', body: { badge: 2, return_to: '/paid' } })
    await soon()
    expect(checkout.state).toBe('waiting')
    await soon()
    expect(checkout.state).toBe('paid')
    expect(session.me.coins).toBe(350)
    expect(asked.filter((ask) => ask.path === `/payments/${String(body.id)}`)).toHaveLength(2)
  })

  test('that came too late is not called theirs: it goes back', async () => {
    answer = (path) => (path.startsWith('/payments/') ? Response.json({ state: 'paid', price: money(99), refunded: money(99) }) : undefined)
    void checkout.pay(order)
    await soon()
    expect(checkout.state).toBe('returned')
    checkout.reset()
    checkout.watched = false
    const said = vi.spyOn(toasts, 'say')
    void checkout.pay(order)
    await soon()
    expect(said.mock.calls.map(([, tone]) => tone)).toEqual(['danger'])
    said.mockRestore()
  })

  test.each(['declined', 'expired'] as const)('%s: may be begun again, as another one', async (end) => {
    answer = states(end)
    void checkout.pay(order)
    await soon()
    expect(checkout.state).toBe(end)
    void checkout.again()
    await vi.advanceTimersByTimeAsync(0)
    expect(checkout.state).toBe('waiting')
    const ids = asked.filter((ask) => ask.path === order.path).map((ask) => ask.body.id)
    expect(new Set(ids).size).toBe(2)
  })

  test('asks once whether one is 18 or older, and then goes on', async () => {
    session.me = { ...session.me, adult: false }
    await checkout.pay(order)
    expect([checkout.state, asked.length]).toEqual(['undeclared', 0])
    void checkout.declare()
    await vi.advanceTimersByTimeAsync(0)
    expect(asked.map((ask) => ask.path)).toEqual(['/me/adult', order.path])
    expect([checkout.state, session.me.adult]).toEqual(['waiting', true])
  })

  test('asks too when only the server knows that nobody has asked', async () => {
    answer = (path) => (path === order.path ? problem(403, 'age_undeclared') : undefined)
    await checkout.pay(order)
    expect([checkout.state, checkout.refused, page.closed]).toEqual(['undeclared', null, true])
  })

  test('a declaration that did not arrive is asked for again', async () => {
    session.me = { ...session.me, adult: false }
    answer = (path) => (path === '/me/adult' ? problem(503, 'unavailable') : undefined)
    await checkout.pay(order)
    await checkout.declare()
    expect([checkout.state, checkout.refused?.kind]).toEqual(['undeclared', 'unavailable'])
    expect(asked.some((ask) => ask.path === order.path)).toBe(false)
  })

  test.each([
    [409, 'spending_cap_reached'],
    [429, 'too_many_payments'],
    [503, 'provider_unavailable'],
    [502, 'provider_refused'],
  ])('that is refused (%i %s) closes its window and says why', async (status, kind) => {
    answer = () => problem(status, kind)
    await checkout.pay(order)
    expect([checkout.state, checkout.refused?.kind, page.closed]).toEqual(['idle', kind, true])
  })

  test('without a page to pay at is watched all the same', async () => {
    answer = (path) => (path === order.path ? Response.json({ checkout_url: null }) : states('paid')(path))
    void checkout.pay(order)
    await vi.advanceTimersByTimeAsync(0)
    expect([checkout.state, checkout.url, page.closed]).toEqual(['waiting', null, true])
    await soon()
    expect(checkout.state).toBe('paid')
  })

  test('that was cancelled says nothing any more', async () => {
    answer = states('paid')
    void checkout.pay(order)
    await vi.advanceTimersByTimeAsync(0)
    checkout.reset()
    await soon()
    expect([checkout.state, asked.length]).toEqual(['idle', 1])
  })

  test('outlives a server that is away, and is said in a toast when nobody looks', async () => {
    let looks = 0
    const then = states('paid')
    answer = (path) => (path.startsWith('/payments/') && looks++ === 0 ? problem(503, 'unavailable') : then(path))
    checkout.watched = false
    const say = vi.spyOn(toasts, 'say')
    void checkout.pay(order)
    await soon()
    expect(checkout.state).toBe('waiting')
    await soon()
    expect(say).toHaveBeenCalledWith('two hearts', 'good')
    expect(checkout.state).toBe('idle')
  })

  test('is given up after ten minutes', async () => {
    answer = states('pending')
    void checkout.pay(order)
    await vi.advanceTimersByTimeAsync(601_000)
    expect(checkout.state).toBe('given_up')
  })
})

test('coins that come free are counted in', () => {
  const pack = { code: 'coins-7000', coins: 7_000, promotional: 350 } as Parameters<typeof coinOrder>[0]
  expect(coinOrder(pack).paid()).toBe('7,350 coins are yours')
})

test.each([
  [null, null, null],
  [400, null, { period: 'day', amount: 50 }],
  [400, 380, { period: 'month', amount: 30 }],
  [300, null, { period: 'day', amount: 0 }],
  [null, 1_000, { period: 'month', amount: 650 }],
])('of caps of %s and %s is left %j', (day, month, left) => {
  const caps = { currency: 'USD', raise_after_s: 0, day: { limit: day, spent: 350 }, month: { limit: month, spent: 350 } }
  expect(leastLeft(caps as SpendingCaps)).toEqual(left)
})

test.each([
  ['coins', { coins: 70, promotional: 0 }, null, '70 coins'],
  ['coins', { coins: 7_000, promotional: 350 }, null, '7,000 coins + 350 free'],
  ['badge', null, { name: 'Mira' }, 'Badge · Mira'],
  ['ticket', null, null, 'Ticket'],
])('%s is named', (kind, coins, channel, said) => {
  expect(whatOf({ order: kind, coins, channel } as Parameters<typeof whatOf>[0])).toBe(said)
})
