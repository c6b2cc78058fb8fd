/** Tiers, subscriptions in every state and a creator's members, as the program would tell them. */
const usd = (amount: number): object => ({ amount, currency: 'USD' })

const tier = (id: number, name: string, about: string, price: number, ticket_discount: number): object => ({
  id,
  name,
  about,
  price,
  ticket_discount,
  quote: { price, tax: 0, creator: Math.floor(price * 0.7), platform: Math.ceil(price * 0.3) - 44, provider_fee: 44 },
  held: id === 2,
  upgrade: id === 3 ? usd(1_216) : null,
})
export const tiers = [
  tier(1, 'Friend', 'A letter a month · Your name on the wall of the cellar', 499, 0),
  tier(2, 'Front row', 'A song of your choice', 999, 20),
  tier(3, 'Patron of the house and of its garden', 'Dinner with the band once a year, wherever the tour leads us', 2_500, 50),
]

const until = '2026-04-04T20:00:00Z'
const own = (handle: string, name: string, state: string, next_tier: number | null = null): object => ({
  channel: { id: `c-${handle}`, handle, name },
  tier: 2,
  price: usd(999),
  state,
  until,
  next_charge_at: state === 'active' || state === 'past_due' ? '2026-04-04T19:00:00Z' : null,
  next_tier,
})
export const subscriptions = [
  own('luna', 'Luna Reyes', 'active'),
  own('duo', 'Duo Jules de la Tour d’Auvergne-Lauraguais', 'active', 1),
  own('quiet', 'Quiet Room', 'cancelled'),
  own('gala', 'Gala Night', 'given'),
  own('pause', 'Pause', 'past_due'),
  own('offline', 'Otto Offline', 'ended'),
]
export const subscribers = ['active', 'past_due', 'cancelled', 'given', 'ended'].map((state, i) => ({
  person: `c-member-${i}`,
  handle: `member_${i + 1}`,
  name: ['Imani', 'Jules de la Tour d’Auvergne-Lauraguais', 'Théo', 'Ana', '小林さくら'][i],
  tier: (i % 3) + 1,
  price: usd([499, 999, 2_500, 499, 499][i]!),
  state,
  until,
}))
