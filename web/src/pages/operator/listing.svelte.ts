/** A list of the operator's, a page at a time: what wants somebody, or all of it. */
import { call, type List } from '$lib/api'
import { explain } from '$lib/i18n/common'
import { toasts } from '$lib/ui/toasts.svelte'

export class Listing<T> {
  items = $state.raw<T[] | null>(null)
  next = $state.raw<string | null>(null)
  open = $state(true)
  busy = $state(false)

  constructor(private readonly path: string) {}

  async load(): Promise<void> {
    await this.page(null)
  }

  async more(): Promise<void> {
    if (this.next) await this.page(this.next)
  }

  async show(open: boolean): Promise<void> {
    this.open = open
    await this.load()
  }

  /** Does something, says when it went wrong, and looks again. */
  async act(deed: () => Promise<void>): Promise<boolean> {
    this.busy = true
    try {
      await deed()
      await this.load()
      return true
    } catch (problem) {
      toasts.say(explain(problem), 'danger')
      return false
    } finally {
      this.busy = false
    }
  }

  private async page(cursor: string | null): Promise<void> {
    const query = new URLSearchParams({ open: String(this.open), ...(cursor ? { cursor } : {}) })
    try {
      const page = await call<List<T>>('GET', `${this.path}?${query}`)
      this.items = cursor ? [...(this.items ?? []), ...page.items] : page.items
      this.next = page.next ?? null
    } catch (problem) {
      toasts.say(explain(problem), 'danger')
    }
  }
}
