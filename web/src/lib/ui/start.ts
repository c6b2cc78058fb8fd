/** Every page begins here: language on <html>, the real height of the screen, then the page itself. */
import { mount, type Component } from 'svelte'
import { locale } from '$lib/i18n/index.svelte'
import { followViewport } from './viewport'

export function start(page: Component): void {
  document.documentElement.lang = locale.lang
  followViewport()
  mount(page, { target: document.getElementById('page')! })
}
