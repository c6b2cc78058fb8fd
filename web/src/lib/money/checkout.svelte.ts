/** Buying coins without leaving the picture: the provider's page opens in its own window, here we watch the purchase. */
import { call, Problem, uuidv7, type CoinPack, type CoinPurchase, type List } from '$lib/api'
import { session } from '$lib/people/session.svelte'

export const packs = (): Promise<Pick<List<CoinPack>, 'items'>> => call('GET', '/coin-packs')
const lookMs = 1_000
const patienceMs = 10 * 60_000

export class Checkout {
  state = $state<'idle' | 'opening' | 'waiting' | 'paid' | 'declined' | 'given_up'>('idle')
  purchase = $state.raw<CoinPurchase | null>(null)
  /** The browser did not let us open a window: the page shows a link instead. */
  blocked = $state(false)
  private stopped = false

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

  stop(): void {
    this.stopped = true
  }
  reset(): void {
    this.state = 'idle'
    this.purchase = null
  }

  /** The notice may come late: the purchase is asked until it is settled, not the window. */
  private async watch(id: string): Promise<void> {
    for (const end = Date.now() + patienceMs; Date.now() < end && !this.stopped; ) {
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
      return
    }
    if (!this.stopped) this.state = 'given_up'
  }
}
