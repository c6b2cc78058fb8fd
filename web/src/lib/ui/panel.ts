/** What a panel that is not modal still owes the keyboard: focus comes in, Escape leaves and gives it back. */
import type { Attachment } from 'svelte/attachments'

export const focusIn: Attachment<HTMLElement> = (panel) => {
  const before = document.activeElement as HTMLElement | null
  panel.tabIndex = -1
  panel.focus({ preventScroll: true })
  return () => {
    if (panel.contains(document.activeElement) || document.activeElement === document.body) before?.focus?.()
  }
}

export function escapeCloses(close: () => void): Attachment<HTMLElement> {
  return (panel) => {
    const key = (event: KeyboardEvent) => {
      if (event.key === 'Escape') close()
    }
    panel.addEventListener('keydown', key)
    return () => panel.removeEventListener('keydown', key)
  }
}
