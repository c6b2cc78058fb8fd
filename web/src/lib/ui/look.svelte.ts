/** Light, dark, or as the system has it. public/assets/theme.js applies the same choice before first paint. */
export type Look = 'system' | 'light' | 'dark'

let look = $state<Look>((document.documentElement.dataset.look as Look | undefined) ?? 'system')

export const theme = {
  get look(): Look {
    return look
  },
  choose(next: Look): void {
    look = next
    const root = document.documentElement
    if (next === 'system') delete root.dataset.look
    else root.dataset.look = next
    try {
      if (next === 'system') localStorage.removeItem('busk-look')
      else localStorage.setItem('busk-look', next)
    } catch {
      // Without storage the choice lasts for this page.
    }
  },
}
