/// Payouts in every state, to be looked at. What is done to them has no effect, but for the bank account.
const usd = (amount: number) => ({ amount, currency: 'USD' })
const ago = (days: number) => new Date(Date.now() - days * 864e5).toISOString()
const payout = (id: string, amount: number, state: string, days: number, more: Record<string, unknown> = {}) => ({
  id, money: usd(amount), state, to: 'DE•• •••• 3000', method: 'bank', reason: null, requested_at: ago(days), changed_at: ago(days - 0.4), ...more,
})
const act = (act: string, by: string | null, days: number, reason: string | null = null) => ({ act, by, at: ago(days), reason })

export const payouts = [
  payout('po-1', 41_250, 'requested', 0.2),
  payout('po-2', 120_000, 'sent', 4),
  payout('po-3', 38_400, 'paid', 31),
  payout('po-4', 22_075, 'returned', 62, { reason: 'Account closed' }),
  payout('po-5', 20_000, 'cancelled', 70, { to: 'sandbox', method: 'provider' }),
]

export const standing = {
  pending: usd(18_430), reserve: usd(1_200), available: usd(64_210), in_transit: usd(161_250), paid: usd(38_400), debt: usd(0), minimum: usd(2_000),
  next_release: { at: new Date(Date.now() + 3 * 864e5).toISOString(), money: usd(4_900) },
  identity: 'verified', method: 'bank', monthly: true, bank: 'DE•• •••• 3000', held_by: [] as string[],
}

/// Before anything was said.
export const held = { ...standing, available: usd(1_150), reserve: usd(0), debt: usd(350), identity: 'unverified', method: null, monthly: false, bank: null, held_by: ['age', 'method', 'identity', 'debt', 'minimum'] }

const desk = (id: string, channel: string, amount: number, state: string, more: Record<string, unknown> = {}) => ({
  ...payout(id, amount, state, 2), channel, approvals: 0, approvals_needed: amount >= 100_000 ? 2 : 1, yours: false, batch: null, acts: [act('request', channel, 2)], ...more,
})
const desks = [
  desk('po-6', 'luna', 41_250, 'requested'),
  desk('po-7', 'a_very_long_handle_indeed', 1_284_050, 'requested', { approvals: 1, acts: [act('request', 'a_very_long_handle_indeed', 2), act('approve', 'Olu Operator', 1)] }),
  desk('po-8', 'op', 2_500, 'requested', { yours: true, to: 'sandbox', method: 'provider' }),
  desk('po-9', 'marco', 9_900, 'approved', { acts: [act('request', null, 2), act('approve', 'Olu Operator', 1)] }),
  desk('po-10', 'luna', 120_000, 'sent', { acts: [act('request', 'luna', 2), act('approve', 'Olu Operator', 1), act('approve', 'Second Operator', 0.9), act('send', 'Olu Operator', 0.5)] }),
]
const batch = { id: 'b-1', payouts: 3, money: usd(159_900), made_at: ago(0.5), file: '/mock-batch' }

export function deskOf(what: string): unknown {
  if (what.startsWith('payout-batches')) return { items: [batch], next: null }
  const state = /state=(\w+)/.exec(what)?.[1] ?? 'requested'
  return { items: desks.filter((each) => each.state === state), next: null }
}
