/** What a key does to a player that is alone on its page. Pure. */
export type Deed = 'toggle' | 'back' | 'on' | 'louder' | 'softer' | 'mute' | 'fill'

const deeds: Record<string, Deed> = { ' ': 'toggle', k: 'toggle', ArrowLeft: 'back', ArrowRight: 'on', ArrowUp: 'louder', ArrowDown: 'softer', m: 'mute', f: 'fill' }

/** `on` is what has the focus: a field keeps its keys, a button its space, a list its up and down. */
export function deedOf({ key, ctrlKey, metaKey, altKey }: Pick<KeyboardEvent, 'key' | 'ctrlKey' | 'metaKey' | 'altKey'>, on: 'page' | 'field' | 'button' | 'list'): Deed | null {
  if (ctrlKey || metaKey || altKey || on === 'field') return null
  const deed = deeds[key.length === 1 ? key.toLowerCase() : key] ?? null
  if (on === 'button' && key === ' ') return null
  if (on === 'list' && (deed === 'louder' || deed === 'softer')) return null
  return deed
}

export function focusOf(target: EventTarget | null): 'page' | 'field' | 'button' | 'list' {
  if (!(target instanceof Element)) return 'page'
  if (target.matches('input:not([type=range]), textarea, select, [contenteditable]')) return 'field'
  if (target.closest('button, a, [role=button]')) return 'button'
  return target.closest('[role=log]') ? 'list' : 'page'
}
