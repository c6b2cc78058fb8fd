/** Buying coins without leaving the picture: the provider's page opens in its own window, here we watch the purchase. */
import { call, Problem, uuidv7, type CoinPack, type CoinPurchase, type List } from '$lib/api'
import { session } from '$lib/people/session.svelte'
import { toasts } from '$lib/ui/toasts.svelte'
import { t } from './words'

export const packs = (): Promise<Pick<List<CoinPack>, 'items'>> => call('GET', '/coin-packs')
const lookMs = 1_000
const patienceMs = 10 * 60_000

class Checkout {
  state = $state<'idle' | 'opening' | 'waiting' | 'paid' | 'declined' | 'given_up'>('idle')
  purchase = $state.raw<CoinPurchase | null>(null)
  /** The browser did not let us open a window: the page shows a link instead. */
  blocked = $state(false)
  /** Someone looks at the purchase; else its end is said in a toast. */
  watched = false

  /** Call it straight from the click: a window opened later counts as a pop-up. */
  async buy(pack: CoinPack): Promise<void> {
    const window_ = window.open('about:blank', 'busk-checkout', 'popup,width=480,height=780')
    this.blocked = window_ === null
    this.state = 'opening'
    try {
      this.purchase = await call<CoinPurchase>('POST', '/coin-purchases', {
        id: uuidv7(),
        pack: pack.code,
        return_to: '/paid',
      })
    } catch (problem) {
      window_?.close()
      this.state = 'idle'
      throw problem
    }
    if (window_) window_.location.href = this.purchase.checkout_url
    this.state = 'waiting'
    await this.watch(this.purchase.id)
  }

  reset(): void {
    this.state = 'idle'
    this.purchase = null
  }

  /** The notice may come late: the purchase is asked until it is settled, not the window. */
  private async watch(id: string): Promise<void> {
    for (const end = Date.now() + patienceMs; Date.now() < end; ) {
      await new Promise((wake) => setTimeout(wake, lookMs))
      let now: CoinPurchase
      try {
        now = await call<CoinPurchase>('GET', `/coin-purchases/${id}`)
      } catch (problem) {
        if (problem instanceof Problem && !problem.offline && problem.status < 500) break
        continue
      }
      if (this.purchase?.id !== id) return
      this.purchase = now
      if (now.state === 'pending') continue
      this.state = now.state
      if (now.state === 'paid') await session.load()
      if (!this.watched) this.announce(now)
      return
    }
    this.state = 'given_up'
  }

  private announce(purchase: CoinPurchase): void {
    if (purchase.state === 'paid') toasts.say(t.paid(purchase.coins), 'good')
    else toasts.say(t.declined, 'danger')
    this.reset()
  }
}

/** One for the page: a purchase goes on when the panel that began it is closed. */
export const checkout = new Checkout()
