/** Buying hearts without leaving the picture: the provider's page opens in its own window, here we watch the purchase. */
import { call, Problem, uuidv7, type BadgeOffer, type BadgePurchase, type List } from '$lib/api'

const lookMs = 1_000
const patienceMs = 10 * 60_000

class BadgeSale {
  state = $state<'idle' | 'opening' | 'waiting' | 'paid' | 'declined' | 'expired'>('idle')
  offers = $state.raw<BadgeOffer[]>([])
  checkoutUrl = $state<string | null>(null)
  hearts = $state(1)
  /** The browser did not let us open a window: the page shows a link instead. */
  blocked = $state(false)
  /** The purchase that is looked at; another one, or leaving, ends the looking. */
  private watched: string | null = null

  async load(room: string): Promise<void> {
    this.offers = (await call<List<BadgeOffer>>('GET', `/rooms/${room}/badges`)).items
  }

  /** Call it straight from the click: a window opened later counts as a pop-up. One begun before is gone on with. */
  async buy(room: string, offer: BadgeOffer): Promise<void> {
    const window_ = window.open('about:blank', 'busk-checkout', 'popup,width=480,height=780')
    this.blocked = window_ === null
    this.state = 'opening'
    this.hearts = offer.hearts
    try {
      const { id, checkout_url } = offer.pending?.checkout_url
        ? offer.pending
        : await call<BadgePurchase>('POST', `/rooms/${room}/badges`, { id: uuidv7(), hearts: offer.hearts, return_to: '/paid' })
      this.checkoutUrl = checkout_url ?? null
      if (window_ && checkout_url) window_.location.href = checkout_url
      this.watched = id
      this.state = 'waiting'
      void this.watch(id)
    } catch (problem) {
      window_?.close()
      this.state = 'idle'
      throw problem
    }
  }

  leave(): void {
    this.watched = null
    this.checkoutUrl = null
    this.state = 'idle'
  }

  /** The notice may come late: the purchase is asked until it is settled, not the window. */
  private async watch(id: string): Promise<void> {
    for (const end = Date.now() + patienceMs; Date.now() < end; ) {
      await new Promise((wake) => setTimeout(wake, lookMs))
      if (this.watched !== id) return
      try {
        const now = await call<BadgePurchase>('GET', `/badge-purchases/${id}`)
        if (this.watched !== id) return
        if (now.state === 'pending') continue
        this.state = now.state
        return
      } catch (problem) {
        if (problem instanceof Problem && !problem.offline && problem.status < 500) break
      }
    }
    if (this.watched === id) this.state = 'expired'
  }
}

/** One for the page. */
export const badgeSale = new BadgeSale()
