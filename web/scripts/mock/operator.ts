/// What the operator's lists show: refunds to decide, disputes, notices set aside.
const usd = (amount: number) => ({ amount, currency: 'USD' })
const ago = (hours: number) => new Date(Date.now() - hours * 36e5).toISOString()

const refund = (id: string, state: string, amount: number, reason: string, answer: string | null, payer: string, order = 'coins') => ({
  refund: { id, payment: `p-${id}`, state, amount: usd(amount), coins: state === 'done' ? amount : 0, promotional: 0, reason, answer, asked_at: ago(3), changed_at: ago(1) },
  payer,
  order,
  price: usd(7_000),
})
const refunds = [
  refund('r1', 'requested', 4_200, 'My daughter bought these with my card while I was away; nothing of it was meant to be.', null, 'Vera Viewer'),
  refund('r2', 'failed', 350, 'Bought twice', 'the card is closed', 'Jules de la Tour d’Auvergne-Lauraguais'),
  refund('r3', 'done', 70, 'By mistake', null, 'Pat'),
]

const dispute = (id: string, state: string, amount: number, owed: number, name: string) => ({
  id, name: `dp_${id}`, payment: `p-${id}`, order: 'coins', payer: `who-${id}`, payer_name: name, state, amount: usd(amount), fee: usd(1_500),
  reason: 'fraudulent', coins_frozen: state === 'lost' ? 120 : 2_351, owed: usd(owed), payer_owes: usd(owed), opened_at: ago(50), changed_at: ago(2),
})
const disputes = [
  dispute('d1', 'opened', 7_000, 0, 'Vera Viewer'),
  dispute('d2', 'lost', 17_500, 8_625, 'Gus Grump'),
  dispute('d3', 'won', 350, 0, 'Jules de la Tour d’Auvergne-Lauraguais'),
]

const notices = [
  { id: 'evt_1QbPq2LkdIwHu7ix0yH4rT9a', provider: 'stripe', received_at: ago(5), reason: 'another amount', body: '{"id":"evt_1QbPq2","about":"payment","said":"settled","amount":7000,"currency":"USD"}', looked_at: null, acts: [] },
  { id: 'evt_2', provider: 'sandbox', received_at: ago(9), reason: null, body: '{"id":"evt_2","about":"dispute","said":"opened","charge":"ch_9"}', looked_at: null, acts: [{ at: ago(8), who: 'p-op', act: 'hear_again', note: 'The payment should be there by tonight' }] },
]

export function operatorList(name: string): { items: unknown[]; next: null } {
  const lists: Record<string, unknown[]> = { refunds, disputes, notices }
  return { items: lists[name] ?? [], next: null }
}

const sums = (count: number, net: number, tax: number) => ({ count, net, tax, gross: net + tax })
const none = sums(0, 0, 0)

/// A month by country: one of no known country, and refunds.
export function taxSummary() {
  const row = (country: string | null, sales: typeof none, refunds = none) => ({ country, currency: 'USD', sales, refunds })
  return {
    from: '2026-11-01T00:00:00Z',
    to: '2026-12-01T00:00:00Z',
    rows: [row(null, sums(12, 59_88, 0)), row('DE', sums(214, 898_32, 170_68), sums(3, 12_58, 2_39)), row('FR', sums(88, 365_90, 73_18)), row('US', sums(1031, 10_289_38, 0))],
    totals: [row(null, sums(1345, 11_613_48, 243_86), sums(3, 12_58, 2_39))],
  }
}

export function taxLines() {
  const line = (number: number, as: string, net: number, tax: number) => ({ posting: `0190a0b0-0000-7000-9000-${String(number).padStart(12, '0')}`, number, at: ago(number), kind: number % 2 ? 'badge' : 'ticket', payment: '0190a0b0-0000-7000-9000-000000000001', country: 'DE', currency: 'USD', as, net, tax, gross: net + tax })
  return { items: [line(1, 'sales', 4_19, 80), line(2, 'sales', 10_08, 1_92), line(3, 'refunds', 4_19, 80)], next: null }
}

export function taxPosting(posting: string) {
  const side = (account: string) => ({ account, owner: null, balance: 0 })
  const transfer = (id: number, credit: string, amount: number) => ({ id, kind: 'move', amount, unit: 'USD', debit: side('deferred'), credit: side(credit) })
  return { posting, number: 1, at: ago(1), kind: 'badge', cause: posting, policy: 1, corrects: null, transfers: [transfer(1, 'earnings.pending', 2_93), transfer(2, 'platform_revenue', 1_26), transfer(3, 'tax_payable', 80)] }
}
