import { describe, expect, test } from 'vitest'
import type { Policy } from '../src/lib/api'
import { differing, kind, month, names, parsed, typed } from '../src/lib/money/policy-form'

const policy = {
  gift_share_percent: 50, badge_share_percent: 70, ticket_share_percent: 90, subscription_share_percent: 70,
  gift_hold_s: 604_800, badge_hold_s: 3_600, ticket_hold_s: 90, subscription_hold_s: 0, reserve_percent: 0, reserve_hold_s: 7_776_000,
  coin_price_cents: 1, coin_packs: [{ coins: 70, promotional: 0 }, { coins: 7_000, promotional: 350 }], badge_prices_cents: [99, 199, 499],
  provider_fee_basis_points: 290, provider_fee_fixed_cents: 30, tax_basis_points: { DE: 1_900, FR: 2_000, IE: 2_305 },
  payout_min_cents: 2_000, payout_two_approvals_from: 100_000, refund_unspent_days: 14, spending_cap_raise_s: 86_400,
  payments_per_hour_max: 20, declines_per_hour_max: 5, streak_window_ms: 5_000, streak_price_max: 99, resume_window_s: 60,
  ticket_reserve_s: 600, ticket_refund_before_s: 172_800, ticket_no_show_s: 7_200, ticket_devices_max: 2,
  hangout_people_max: 8, replay_keep_days: 30, chat_messages_max: 5, chat_messages_guest_max: 3, chat_window_s: 10,
} satisfies Policy

describe('a policy as it is typed', () => {
  test('has every field once, and each is read back as it was', () => {
    expect([...names].sort()).toEqual(Object.keys(policy).sort())
    for (const name of names) expect([name, parsed(name, typed(policy, name, 'USD'), 'USD')]).toEqual([name, policy[name]])
  })
  test('is written as people say it', () => {
    const shown = (name: keyof Policy) => typed(policy, name, 'USD')
    expect([shown('gift_hold_s'), shown('badge_hold_s'), shown('ticket_hold_s'), shown('subscription_hold_s')]).toEqual(['7 d', '1 h', '90 s', '0 s'])
    expect([shown('coin_packs'), shown('tax_basis_points')]).toEqual(['70\n7000 + 350', 'DE 19\nFR 20\nIE 23.05'])
    expect([shown('payout_min_cents'), shown('provider_fee_basis_points')]).toEqual(['20.00', '2.9'])
  })
  test('is not read where it says something else', () => {
    for (const [name, text] of [
      ['gift_share_percent', 'half'], ['gift_share_percent', ''], ['gift_share_percent', '1.5'], ['gift_hold_s', '7 weeks'], ['coin_packs', '70\nx'],
      ['coin_packs', '70 +'], ['badge_prices_cents', '1,999'], ['tax_basis_points', 'DE'], ['tax_basis_points', 'DE 19.123'],
    ] as const) expect([name, text, parsed(name, text, 'USD')]).toEqual([name, text, null])
    expect(parsed('gift_hold_s', '7 j', 'USD')).toBe(604_800)
    expect(parsed('tax_basis_points', 'de 19,6 %\n'.replace(' %', '%'), 'USD')).toEqual({ DE: 1_960 })
    expect([kind('coin_packs'), kind('payout_two_approvals_from')]).toEqual(['packs', 'money'])
  })
  test('is compared field by field', () => {
    expect(differing(policy, { ...policy, gift_share_percent: 60, tax_basis_points: {} }, 'USD')).toEqual(['gift_share_percent', 'tax_basis_points'])
  })
})

test('months are the books’, in UTC', () => {
  expect(month(new Date('2026-01-15T10:00:00Z'), 'last')).toEqual({ from: '2025-12-01T00:00:00.000Z', to: '2026-01-01T00:00:00.000Z' })
  expect(month(new Date('2026-01-15T10:00:00Z'), 'this')).toEqual({ from: '2026-01-01T00:00:00.000Z', to: '2026-02-01T00:00:00.000Z' })
})
