/// The pretend world behind `npm run dev`: a few rooms, one person, a book of gifts. Only what the pages need to be looked at.
import { randomUUID } from 'node:crypto'
import { makeStage, type MockStage } from './stage.ts'

export const gifts = (
  [
    ['heart', 'Heart', 'Cœur', 1],
    ['rose', 'Rose', 'Rose', 5],
    ['clap', 'Applause', 'Bravo', 10],
    ['coffee', 'Coffee', 'Café', 25],
    ['flower-crown', 'Flower crown', 'Couronne de fleurs', 50],
    ['confetti', 'Confetti', 'Confettis', 99],
    ['guitar', 'Guitar', 'Guitare', 199],
    ['spotlight', 'Spotlight', 'Projecteur', 299],
    ['neon-sign', 'Neon sign', 'Enseigne néon', 499],
    ['encore', 'Encore', 'Bis', 999],
    ['fireworks', 'Fireworks', 'Feu d’artifice', 1999],
    ['golden-mic', 'Golden mic', 'Micro d’or', 4999],
  ] as const
).map(([code, en, fr, price]) => ({
  code,
  name: { en, fr },
  price,
  picture: `/gifts/${code}.svg`,
  streakable: price <= 99,
  effect: price > 99 ? 'big' : 'small',
  split: { creator: Math.ceil(price / 2), platform: Math.floor(price / 2) },
}))
const packSizes: [number, number][] = [[70, 0], [350, 0], [1400, 0], [7000, 350], [17500, 1750]]
export const packs = packSizes.map(([coins, promotional]) => {
  const [creator, provider_fee] = [Math.ceil(coins / 2), Math.floor(coins * 0.029) + 30]
  return {
    code: `coins-${coins}`,
    coins,
    promotional,
    price: { amount: coins, currency: 'USD' },
    split: { price: coins, tax: 0, creator, platform: coins - creator - provider_fee, provider_fee },
  }
})

export interface MockRoom {
  id: string
  channel: { id: string; handle: string; name: string }
  title: string
  state: string
  scheduled_at: string | null
  started_at: string | null
  ended_at: string | null
  resume_until: string | null
  viewers: number
  epoch: number
  seq: number
  mine: boolean
  log: Record<string, unknown>[]
  crowd: boolean
  stage: MockStage
}

let count = 1
export function makeRoom(handle: string, name: string, title: string, change: Partial<MockRoom> = {}): MockRoom {
  const id = `0190a0b0-0000-7000-8000-${String(count++).padStart(12, '0')}`
  return {
    id,
    channel: { id: randomUUID(), handle, name },
    title,
    state: 'live',
    scheduled_at: null,
    started_at: new Date(Date.now() - 25 * 60_000).toISOString(),
    ended_at: null,
    resume_until: null,
    viewers: 12,
    epoch: 1,
    seq: 0,
    mine: false,
    log: [],
    crowd: true,
    stage: makeStage(name, 0),
    ...change,
  }
}

export function world() {
  const now = Date.now()
  return {
    rooms: [
      makeRoom('luna', 'Luna Okafor', 'Rooftop soul & requests', { viewers: 1284 }),
      makeRoom('marco_tall', 'Marco Valdés', 'Street flamenco, portrait', { viewers: 342 }),
      makeRoom('atelier_brume', 'Atelier Brume — céramique à quatre mains et autres histoires', 'Tournage d’un grand vase en direct, questions bienvenues, et cuisson du four à minuit', { viewers: 58210 }),
      makeRoom('quiet', 'Quiet Corner', 'First live ever', { viewers: 0, crowd: false }),
      makeRoom('pause', 'Ana Pause', 'Tram stop sessions', { state: 'interrupted', resume_until: new Date(now + 48_000).toISOString(), viewers: 77 }),
      makeRoom('pause_duo', 'Ana Pause', 'Tram stop sessions for two', { state: 'interrupted', resume_until: new Date(now + 900_000).toISOString(), viewers: 77, stage: makeStage('Ana Pause', 1, 'split') }),
      makeRoom('duo', 'Dora Duo', 'Two guitars, one bench', { viewers: 88, stage: makeStage('Dora Duo', 1, 'split') }),
      makeRoom('duo_tall', 'Dora Duo', 'Two guitars, portrait', { viewers: 88, stage: makeStage('Dora Duo', 1, 'split') }),
      makeRoom('trio', 'Trio Mistral', 'Three voices', { viewers: 188, stage: makeStage('Trio Mistral', 2) }),
      makeRoom('quartet', 'Quartet Nord', 'Strings at noon', { viewers: 288, stage: makeStage('Quartet Nord', 3) }),
      makeRoom('spot', 'Quartet Nord', 'Strings at noon, solo part', { viewers: 288, stage: makeStage('Quartet Nord', 3, 'spotlight', 1) }),
      makeRoom('tango', 'Tango Nights', 'Open-air milonga', { state: 'scheduled', scheduled_at: new Date(now + 26 * 3600_000).toISOString(), started_at: null, viewers: 0 }),
    ],
  }
}

export function statement() {
  const lines = []
  let pending = 1840
  let available = 12_400
  const names = ['Imani', 'Jules de la Tour d’Auvergne-Lauraguais', '小林さくら', 'Guest Pat']
  for (let i = 0; i < 18; i++) {
    const at = new Date(Date.now() - i * 3_700_000).toISOString()
    const kind = i === 4 ? 'redeem' : i % 7 === 6 ? 'release' : 'gift'
    const gift = gifts[(i * 5) % 12]!
    const diamonds = Math.ceil(gift.price / 2)
    const balance_after = { pending, available, money_pending: 0, money: i <= 4 ? 25_00 : 0 }
    const base = { posting: `0190a0b0-0000-7000-9000-${String(i).padStart(12, '0')}`, at, kind, policy: 1, money_pending: 0, money: kind === 'redeem' ? 25_00 : 0, balance_after }
    if (kind === 'gift') {
      lines.push({ ...base, text: { from: names[i % 4], gift: gift.code, count: 1, room: 'Rooftop soul & requests' }, diamonds_pending: diamonds, diamonds_available: 0 })
      pending -= diamonds
    } else if (kind === 'release') {
      lines.push({ ...base, text: {}, diamonds_pending: -900, diamonds_available: 900 })
      pending += 900
      available -= 900
    } else {
      lines.push({ ...base, text: {}, diamonds_pending: 0, diamonds_available: -2500 })
      available += 2500
    }
  }
  return lines
}

let next = 1
export function transfers(posting: string) {
  const line = statement().find((each) => each.posting === posting)!
  const base = { posting, at: line.at, policy: 1, cause: line.kind }
  const t = (debit: string, credit: string, amount: number, unit: string, credit_balance?: number) => ({ id: next++, debit, credit, amount, unit, credit_balance })
  if (line.kind === 'gift') {
    const gift = gifts.find((kind) => kind.code === (line.text as { gift: string }).gift)!
    return {
      ...base,
      transfers: [
        t('wallet (viewer)', 'coin_spent', gift.price, 'COIN'),
        t('diamond_issued', 'diamonds.pending (you)', line.diamonds_pending, 'DIAMOND', line.balance_after.pending),
        t('coin_float', 'diamond_float', line.diamonds_pending, 'USD'),
        t('coin_float', 'platform_revenue', gift.price - line.diamonds_pending, 'USD'),
      ],
    }
  }
  if (line.kind === 'release') return { ...base, transfers: [t('diamonds.pending (you)', 'diamonds.available (you)', 900, 'DIAMOND', line.balance_after.available)] }
  return {
    ...base,
    transfers: [
      t('diamonds.available (you)', 'diamond_redeemed', 2500, 'DIAMOND'),
      t('diamond_float', 'earnings.available (you)', 2500, 'USD', 2500),
    ],
  }
}
