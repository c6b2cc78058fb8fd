import { describe, expect, test } from 'vitest'
import type { StatementLine, Transfer } from '../src/lib/api/types'
import { agrees, checks, own } from '../src/lib/money/readd'

const line = (change: Partial<StatementLine>): StatementLine => ({
  posting: 'p',
  at: '',
  kind: 'gift',
  text: {},
  diamonds_pending: 0,
  diamonds_available: 0,
  money_pending: 0,
  money: 0,
  balance_after: { pending: 0, available: 0, money_pending: 0, money: 0 },
  policy: 1,
  ...change,
})
const transfer = (debit: string, credit: string, amount: number, unit: string): Transfer => ({ id: 1, debit, credit, amount, unit })

describe('re-adding a statement', () => {
  const redeem = line({ kind: 'redeem', diamonds_available: -30, money: 30, balance_after: { pending: 5, available: 0, money_pending: 0, money: 30 } })
  const release = line({ kind: 'release', diamonds_pending: -30, diamonds_available: 30, balance_after: { pending: 5, available: 30, money_pending: 0, money: 0 } })
  const gift = line({ diamonds_pending: 35, balance_after: { pending: 35, available: 0, money_pending: 0, money: 0 } })

  test('a whole statement adds up from zero', () => {
    expect(checks([redeem, release, gift], true)).toEqual(['ok', 'ok', 'ok'])
  })
  test('the oldest line of a part has nothing to be compared with yet', () => {
    expect(checks([redeem, release], false)).toEqual(['ok', 'open'])
  })
  test.each([
    ['a changed amount', [redeem, { ...release, diamonds_available: 31 }, gift], ['ok', 'wrong', 'ok']],
    ['a changed balance', [redeem, { ...release, balance_after: { pending: 5, available: 31, money_pending: 0, money: 0 } }, gift], ['wrong', 'wrong', 'ok']],
    ['a missing line', [redeem, gift], ['wrong', 'ok']],
    ['a beginning that is not zero', [release], ['wrong']],
  ])('%s shows', (_what, lines, verdicts) => {
    expect(checks(lines, true)).toEqual(verdicts)
  })
})

describe('the transfers behind a line', () => {
  const gift = line({ diamonds_pending: 13 })
  const legs = [
    transfer('wallet (viewer)', 'coin_spent', 25, 'COIN'),
    transfer('diamond_issued', 'diamonds.pending (you)', 13, 'DIAMOND'),
    transfer('coin_float', 'platform_revenue', 12, 'USD'),
  ]
  test('only one’s own accounts count', () => {
    expect(own(legs)).toEqual([{ account: 'diamonds.pending (you)', unit: 'DIAMOND', amount: 13 }])
    expect(agrees(gift, legs)).toBe(true)
  })
  test('a release moves between two of them and sums to nothing', () => {
    const move = [transfer('diamonds.pending (you)', 'diamonds.available (you)', 9, 'DIAMOND')]
    expect(agrees(line({ kind: 'release', diamonds_pending: -9, diamonds_available: 9 }), move)).toBe(true)
  })
  test('money on its way is one’s own, but not of the line', () => {
    const asked = [transfer('earnings.available (you)', 'earnings.in_transit (you)', 2_200, 'USD')]
    expect(agrees(line({ kind: 'payout', money: -2_200 }), asked)).toBe(true)
    const released = [
      transfer('earnings.pending (you)', 'earnings.available (you)', 905, 'USD'),
      transfer('earnings.pending (you)', 'earnings.reserve (you)', 100, 'USD'),
    ]
    expect(agrees(line({ kind: 'money_release', money_pending: -1_005, money: 905 }), released)).toBe(true)
    expect(agrees(line({ kind: 'money_release', money: 905 }), released)).toBe(false)
    expect(agrees(line({ kind: 'money_release', money_pending: -1_005, money: 1_005 }), released)).toBe(false)
  })
  test('what is held of a sale is the line’s', () => {
    const sold = [transfer('deferred', 'earnings.pending (you)', 700, 'USD'), transfer('deferred', 'platform_revenue', 300, 'USD')]
    expect(agrees(line({ kind: 'badge', money_pending: 700 }), sold)).toBe(true)
    expect(agrees(line({ kind: 'badge', money_pending: 701 }), sold)).toBe(false)
  })
  test('a line that says more than its transfers is seen', () => {
    expect(agrees({ ...gift, diamonds_pending: 14 }, legs)).toBe(false)
    expect(agrees({ ...gift, money: 1 }, legs)).toBe(false)
  })
})
