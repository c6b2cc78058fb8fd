/**
 * What this live has earned so far, in diamonds, from the books and not from counting on the screen: the growth of
 * the channel's lifetime total since the live began. A page opened in the middle of a live finds the total at its
 * beginning by taking away the statement lines since then.
 */
import { call, type Earnings, type List, type StatementLine } from '$lib/api'

const settleMs = 250
const pagesMax = 20

export class LiveEarnings {
  diamonds = $state(0)
  share = $state<number | null>(null)
  private begin: number | null = null
  private timer: ReturnType<typeof setTimeout> | undefined

  async start(startedAt: string | null): Promise<void> {
    const now = await this.read()
    this.begin = now.lifetime_diamonds - (startedAt ? await earnedSince(startedAt) : 0)
    await this.refresh()
  }
  /** A gift has just come: ask the books once the burst is over. */
  poke(): void {
    clearTimeout(this.timer)
    this.timer = setTimeout(() => void this.refresh().catch(() => undefined), settleMs)
  }
  async refresh(): Promise<void> {
    if (this.begin === null) return
    this.diamonds = (await this.read()).lifetime_diamonds - this.begin
  }
  private async read(): Promise<Earnings> {
    const earnings = await call<Earnings>('GET', '/earnings')
    this.share = earnings.policy.gift_share_percent
    return earnings
  }
}

async function earnedSince(startedAt: string): Promise<number> {
  const from = Date.parse(startedAt)
  let sum = 0
  let cursor = ''
  for (let page = 0; page < pagesMax; page++) {
    const list = await call<List<StatementLine>>('GET', `/earnings/statement?limit=100${cursor && `&cursor=${cursor}`}`)
    for (const line of list.items) {
      if (Date.parse(line.at) < from) return sum
      if (line.kind === 'gift') sum += line.diamonds_pending
    }
    if (!list.next) return sum
    cursor = encodeURIComponent(list.next)
  }
  return sum
}
