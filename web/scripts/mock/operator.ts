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
