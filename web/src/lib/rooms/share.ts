/** Hands a live's address on: by the device's own sheet on a phone, else by the clipboard, or shown where neither is. */
import { toasts } from '$lib/ui/toasts.svelte'
import { t } from './words'

export async function share(title: string, url: string): Promise<void> {
  if (navigator.share && matchMedia('(pointer: coarse)').matches) {
    await navigator.share({ title, url }).catch(() => undefined)
    return
  }
  const copied = await navigator.clipboard?.writeText(url).then(
    () => true,
    () => false,
  )
  toasts.say(copied ? t.linkCopied : url, copied ? 'good' : undefined)
}
