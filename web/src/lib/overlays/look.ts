/** How an overlay looks before anybody says so; the server says it as soon as it is asked. And its numbers as styles. */
import type { OverlayKind, OverlayLook } from '$lib/api'

export const kinds: readonly OverlayKind[] = ['alerts', 'goal', 'chat', 'spotlight']
export const places: readonly OverlayLook['place'][] = [
  'top_left', 'top', 'top_right',
  'left', 'centre', 'right',
  'bottom_left', 'bottom', 'bottom_right',
]

const alert = { on: true, text: null }
export function plain(kind: OverlayKind): OverlayLook {
  const look: OverlayLook = {
    font_px: { alerts: 36, goal: 26, chat: 24, spotlight: 34 }[kind],
    text: '#fff4e6',
    accent: '#f6b73c',
    back: '#120c0a',
    back_percent: { alerts: 80, goal: 70, chat: 45, spotlight: 85 }[kind],
    place: ({ alerts: 'top', goal: 'top_left', chat: 'bottom_left', spotlight: 'bottom' } as const)[kind],
  }
  if (kind === 'alerts') {
    look.alerts = { seconds: 6, gift_coins_min: 0, sound: true, volume_percent: 50, gift: alert, badge: alert, subscription: alert, subscription_gift: alert, ticket: alert }
  }
  if (kind === 'chat') look.chat = { lines: 8, seconds: 0 }
  return look
}

/** `#rrggbb` and a percentage as a colour; anything else is none. */
export function tint(colour: string, percent: number): string {
  const hex = /^#([0-9a-f]{6})$/i.exec(colour)?.[1]
  if (!hex) return 'transparent'
  const [r, g, b] = [0, 2, 4].map((at) => parseInt(hex.slice(at, at + 2), 16))
  return `rgb(${r} ${g} ${b} / ${percent}%)`
}
