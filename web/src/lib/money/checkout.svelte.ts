/**
 * Paying without leaving the picture: the provider's page opens in its own window, here we watch the payment. It is
 * the same for whatever is bought: an order says what begins its payment.
 */
import { call, Problem, uuidv7, type CoinPack, type List, type Payment } from '$lib/api'
import { session } from '$lib/people/session.svelte'
import { toasts } from '$lib/ui/toasts.svelte'
import { t } from './words'

/** What is bought. */
export interface Order {
  /** The POST that begins the payment; the id and the page to come back to are added to its body. */
  path: string
  body: Record<string, unknown>
  /** What is said when it is paid. */
  paid: () => string
}
/** What of its answer is needed here. */
interface Begun {
  checkout_url?: string | null
}

export const packs = (): Promise<Pick<List<CoinPack>, 'items'>> => call('GET', '/coin-packs')
export const coinOrder = (pack: CoinPack): Order => ({
  path: '/coin-purchases',
  body: { pack: pack.code },
  paid: () => t.paid(pack.coins + pack.promotional),
})

const lookMs = 1_000
const patienceMs = 10 * 60_000

/** What it was for was gone when it was paid. */
const back = ({ state, price, refunded }: Payment) => state === 'paid' && refunded.amount >= price.amount

class Checkout {
  /** `undeclared`: they are asked, once, whether they are 18 or older. `returned`: paid too late, it goes back by itself. */
  state = $state<'idle' | 'undeclared' | 'opening' | 'waiting' | 'paid' | 'returned' | 'declined' | 'expired' | 'given_up'>('idle')
  order = $state.raw<Order | null>(null)
  /** Where to pay; null when there is nothing to be done there. */
  url = $state.raw<string | null>(null)
  /** Why it was not begun. */
  refused = $state.raw<Problem | null>(null)
  /** The browser did not let us open a window: the page shows a link instead. */
  blocked = $state(false)
  /** Someone looks at the payment; else its end is said in a toast. */
  watched = false
  /** The payment's. */
  id: string | null = null

  /** Call it straight from the click: a window opened later counts as a pop-up. */
  async pay(order: Order): Promise<void> {
    this.order = order
    this.refused = null
    if (session.me.adult) await this.open(order)
    else this.state = 'undeclared'
  }

  /** They say that they are 18 or older: what waits for it goes on in the same click. */
  async declare(): Promise<void> {
    if (this.order) await this.open(this.order, () => session.declareAdult())
  }

  /** The same once more, as a payment of its own: with another card. */
  async again(): Promise<void> {
    if (this.order) await this.pay(this.order)
  }

  reset(): void {
    this.state = 'idle'
    this.id = null
    this.order = null
    this.refused = null
  }

  private async open(order: Order, first?: () => Promise<void>): Promise<void> {
    const page = window.open('about:blank', 'busk-checkout', 'popup,width=480,height=780')
    const id = uuidv7()
    this.id = id
    this.blocked = page === null
    this.url = null
    this.refused = null
    this.state = 'opening'
    let begun: Begun
    try {
      await first?.()
      begun = await call<Begun>('POST', order.path, { ...order.body, id, return_to: '/paid' })
    } catch (problem) {
      page?.close()
      if (this.id === id) this.refuse(problem as Problem)
      return
    }
    // Nobody waits for it any more: what was begun is not paid, and ends by itself.
    if (this.id !== id) return page?.close()
    this.url = begun.checkout_url ?? null
    if (page && this.url) page.location.href = this.url
    else page?.close()
    this.state = 'waiting'
    await this.watch(id)
  }

  private refuse(problem: Problem): void {
    const unasked = problem.kind === 'age_undeclared'
    this.refused = unasked ? null : problem
    this.state = unasked || !session.me.adult ? 'undeclared' : 'idle'
  }

  /** The notice may come late: the payment is asked until it is settled, not the window. */
  private async watch(id: string): Promise<void> {
    for (const end = Date.now() + patienceMs; Date.now() < end; ) {
      await new Promise((wake) => setTimeout(wake, lookMs))
      if (this.id !== id) return
      let now: Payment
      try {
        now = await call<Payment>('GET', `/payments/${id}`)
      } catch (problem) {
        if (problem instanceof Problem && !problem.offline && problem.status < 500) break
        continue
      }
      if (this.id !== id) return
      if (now.state === 'pending') continue
      if (now.state === 'paid') await session.load().catch(() => undefined)
      this.state = back(now) ? 'returned' : now.state
      if (!this.watched) this.announce(now)
      return
    }
    if (this.id === id) this.state = 'given_up'
  }

  private announce(payment: Payment): void {
    if (back(payment)) toasts.say(t.returned, 'danger')
    else if (payment.state === 'paid') toasts.say(this.order?.paid() ?? '', 'good')
    else toasts.say(payment.state === 'declined' ? t.declined : t.expired, 'danger')
    this.reset()
  }
}

/** One for the page: a payment goes on when the panel that began it is closed. */
export const checkout = new Checkout()
