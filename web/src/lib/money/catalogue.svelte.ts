/** The gifts that can be given here, read once per page; names in the language on screen. */
import { call, type GiftKind, type List } from '$lib/api'
import { locale } from '$lib/i18n/index.svelte'

class Catalogue {
  items = $state.raw<GiftKind[]>([])
  private loading: Promise<void> | null = null

  load(): Promise<void> {
    this.loading ??= call<List<GiftKind>>('GET', '/gifts').then(
      (answer) => {
        this.items = answer.items
      },
      () => {
        this.loading = null
      },
    )
    return this.loading
  }
  find(code: string): GiftKind | undefined {
    return this.items.find((kind) => kind.code === code)
  }
  name(code: string): string {
    return this.find(code)?.name[locale.lang] ?? ''
  }
  picture(code: string): string {
    return this.find(code)?.picture ?? `/gifts/${encodeURIComponent(code)}.svg`
  }
}

export const catalogue = new Catalogue()
