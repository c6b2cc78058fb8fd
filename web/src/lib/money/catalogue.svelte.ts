/** The gifts that can be given here, read once per page; names in the language on screen. */
import { call, type GiftCatalogue, type GiftKind } from '$lib/api'
import { locale } from '$lib/i18n/index.svelte'

class Catalogue {
  items = $state.raw<GiftKind[]>([])
  /** The creator's share in percent, when the server tells it with the catalogue. */
  share = $state<number | null>(null)
  private loading: Promise<void> | null = null

  load(): Promise<void> {
    this.loading ??= call<GiftCatalogue>('GET', '/gifts').then(
      (answer) => {
        this.items = answer.items
        this.share = answer.policy?.gift_share_percent ?? null
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
