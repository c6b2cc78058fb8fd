/**
 * How the next room is opened: in which channel of one's own, for whom, and what tickets of it cost. A room whose offer
 * is refused is ended again, so that none stands open for ticket holders whom nobody can become.
 */
import { call, Problem, type Access, type List, type OwnPage, type RoomView, type SpendingCaps, type TicketOffer } from '$lib/api'
import { t as words } from '$lib/money/ticket-words'
import { parseAmount, typedAmount } from '$lib/money/amounts'
import { countriesOf, localOf, momentOf } from '$lib/money/tickets'
import { channel, create, end } from '$lib/rooms/calls'

/** What a refusal of the offer may name; it stands beside its field then. */
export const offerFields = ['price', 'capacity', 'stage', 'sales_until', 'countries'] as const

export class Opening {
  pages = $state.raw<OwnPage[]>([])
  /** The handle of a page of one's own; null is the personal channel. */
  page = $state<string | null>(null)
  access = $state<Access>('free')
  currency = $state('USD')
  price = $state('')
  seats = $state('100')
  replay = $state(true)
  passes = $state(false)
  passPrice = $state('')
  passCount = $state('3')
  salesFrom = $state('')
  salesUntil = $state('')
  countries = $state('')

  /** Finds one's pages, and the one that is on the air. */
  async load(): Promise<void> {
    const [pages, caps] = await Promise.all([call<List<OwnPage>>('GET', '/pages'), call<SpendingCaps>('GET', '/me/spending-caps')])
    this.pages = pages.items
    this.currency = caps.currency
    const rooms = await Promise.all(pages.items.map((page) => channel(page.handle).then((seen) => seen.room, () => null)))
    const live = rooms.find((room) => room?.state === 'live' || room?.state === 'interrupted')
    if (live) this.choose(live.channel.handle)
  }

  choose(page: string | null): void {
    this.page = page
    if (page === null && this.access === 'ticket') this.access = 'free'
  }

  async createPage(handle: string, name: string): Promise<void> {
    const page = await call<OwnPage>('POST', '/pages', { handle, name })
    this.pages = [...this.pages, page]
    this.choose(page.handle)
  }

  async open(title: string, at?: string): Promise<RoomView> {
    const offer = this.access === 'ticket' ? this.offer() : null
    const room = await create({ title, access: this.access, ...(this.page ? { channel: this.page } : {}), ...(at ? { scheduled_at: at } : {}) })
    if (!offer) return room
    try {
      await call('PUT', `/rooms/${room.id}/ticket-offer`, offer)
    } catch (problem) {
      await end(room.id).catch(() => undefined)
      throw problem
    }
    return room
  }

  /** As it is offered already, to be changed. */
  take(offer: TicketOffer): void {
    this.access = 'ticket'
    this.currency = offer.price.currency
    this.price = typedAmount(offer.price.amount, this.currency)
    this.seats = String(offer.capacity)
    this.replay = offer.replay
    this.passes = offer.stage !== null
    if (offer.stage) {
      this.passPrice = typedAmount(offer.stage.price.amount, this.currency)
      this.passCount = String(offer.stage.count)
    }
    this.salesFrom = localOf(offer.sales_from)
    this.salesUntil = localOf(offer.sales_until)
    this.countries = offer.countries.join(', ')
  }

  offer(): object {
    const money = (text: string, field: string): number => {
      const amount = parseAmount(text, this.currency)
      if (amount === null) throw new Problem({ type: 'not_money', title: words.studio.notMoney, status: 422, field })
      return amount
    }
    const stage = this.passes ? { price: money(this.passPrice, 'stage'), count: Number(this.passCount) } : null
    const sale = { sales_from: momentOf(this.salesFrom), sales_until: momentOf(this.salesUntil), countries: countriesOf(this.countries) }
    return { price: money(this.price, 'price'), capacity: Number(this.seats), replay: this.replay, stage, ...sale }
  }
}
