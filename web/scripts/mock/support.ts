/** Badges, a ranking and supporters, as the program would tell them. */
const usd = (amount: number): object => ({ amount, currency: 'USD' })

const offer = (hearts: number, price: number, creator: number, fee: number): object => ({
  hearts,
  price: usd(price),
  quote: { price, tax: 0, creator, platform: price - creator - fee, provider_fee: fee },
  held: hearts === 1,
  pending: null,
})
export const badges = [offer(1, 99, 69, 32), offer(2, 199, 139, 35), offer(3, 499, 349, 44)]

const names = ['Imani', 'Théo', 'Jules de la Tour d’Auvergne-Lauraguais', 'Ben Ode', '小林さくら', 'Rosa M.']
export const ranking = names.map((name, i) => ({ rank: i + 1, person: `c-${name}`, name, value: usd(4_200 - i * 615), mine: name === 'Ben Ode' }))
export const supporters = names.map((name, i) => ({
  person: `c-${name}`,
  handle: `fan_${i + 1}`,
  name,
  badges: i % 3,
  gifts: 40 - i * 7,
  coins: 3_900 - i * 600,
  value: usd(4_200 - i * 615),
  lives: 9 - i,
  last_at: '2026-03-04T20:00:00Z',
}))
