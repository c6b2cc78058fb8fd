/**
 * Sends gifts in the order of the taps, each with its own permanent id: a tap whose answer was lost is asked again
 * under the same id, so it is charged once. What is on its way is already taken off the balance shown.
 */
import { call, Problem, uuidv7, type GiftKind, type GiftReceipt } from '$lib/api'
import { session } from '$lib/people/session.svelte'
import { backoffMs } from '$lib/rooms/backoff'
import { tapped, type Combo } from './combo'

interface Tap {
  id: string
  kind: GiftKind
}
const triesMax = 5

export class GiftSender {
  combo = $state.raw<Combo | null>(null)
  private queue = $state.raw<Tap[]>([])
  private running = false

  constructor(
    private readonly room: string,
    private readonly refused: (problem: Problem) => void,
  ) {}

  /** What is left once every tap on its way has been paid. */
  get balance(): number {
    return session.me.coins - this.queue.reduce((sum, tap) => sum + tap.kind.price, 0)
  }

  /** False when the coins do not reach; nothing is sent then. */
  tap(kind: GiftKind): boolean {
    if (this.balance < kind.price) return false
    this.combo = tapped(this.combo, kind.code, kind.streakable, performance.now())
    this.queue = [...this.queue, { id: uuidv7(), kind }]
    void this.run()
    return true
  }

  private async run(): Promise<void> {
    if (this.running) return
    this.running = true
    for (let tap = this.queue[0]; tap; tap = this.queue[0]) {
      try {
        const receipt = await this.send(tap)
        this.queue = this.queue.slice(1)
        session.setCoins(receipt.coins)
      } catch (problem) {
        // What was tapped after a refusal rests on it: none of it is sent.
        this.queue = []
        this.combo = null
        this.refused(problem as Problem)
        await session.load().catch(() => undefined)
      }
    }
    this.running = false
  }

  private async send(tap: Tap): Promise<GiftReceipt> {
    for (let tries = 0; ; tries++) {
      try {
        return await call<GiftReceipt>('POST', `/rooms/${this.room}/gifts`, { id: tap.id, kind: tap.kind.code, count: 1 })
      } catch (problem) {
        const worthATry = problem instanceof Problem && (problem.offline || problem.status >= 500)
        if (!worthATry || tries + 1 >= triesMax) throw problem
        await new Promise((wake) => setTimeout(wake, backoffMs(tries, Math.random())))
      }
    }
  }
}
