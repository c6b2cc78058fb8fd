/**
 * The player on others' pages: /embed/@{handle} or /embed/r/{room}. A script of its own, with nothing of the app: no
 * session, no storage, only what is for everybody. Muted until somebody clicks, as browsers want it.
 */
import './embed.css'
import type Hls from 'hls.js'
import type { Channel, RoomView } from '$lib/api'
import { wordsFor } from './words'

const lookAgainMs = 10_000
/** A live's first second has no stream yet, and a player that broke off is begun anew. */
const beginAgainMs = 2_000
const t = wordsFor(navigator.languages)
const [, , first = '', second = ''] = location.pathname.split('/')
const handle = first.startsWith('@') ? decodeURIComponent(first.slice(1)) : null

const place = document.querySelector<HTMLElement>('#player')!
const video = make('video', { muted: true, autoplay: true, playsInline: true })
const text = make('p', { className: 'said' })
const sound = make('button', { className: 'sound', type: 'button', textContent: t.unmute })
const link = make('a', { className: 'link', target: '_blank', rel: 'noopener', textContent: t.open, href: handle ? `/@${encodeURIComponent(handle)}` : `/r/${encodeURIComponent(second)}` })
place.append(video, text, sound, link)
document.documentElement.lang = t.lang

let hls: Hls | null = null
/** The room that is played; null while there is nothing to see. */
let playing: string | null = null

function make<K extends keyof HTMLElementTagNameMap>(tag: K, props: Partial<HTMLElementTagNameMap[K]>): HTMLElementTagNameMap[K] {
  return Object.assign(document.createElement(tag), props)
}

function say(sentence: string): void {
  text.textContent = sentence
  place.dataset.state = sentence ? 'off' : 'on'
}

/** As a stranger: whatever session this browser has with the site stays out of others' pages. */
async function ask<T>(path: string): Promise<T | null> {
  const answer = await fetch(`/api/v1${path}`, { credentials: 'omit' })
  return answer.ok ? ((await answer.json()) as T) : null
}

async function look(): Promise<void> {
  if (document.visibilityState === 'hidden' && !playing) return
  const channel = handle ? await ask<Channel>(`/channels/${encodeURIComponent(handle)}`) : null
  const room = handle ? (channel?.room ?? null) : await ask<RoomView>(`/rooms/${encodeURIComponent(second)}`)
  const name = room?.channel.name ?? channel?.name
  if (!name) return leave(t.unknown)
  document.title = `${name} · Busk`
  if (room?.access !== undefined && room.access !== 'free') return leave(t.notPublic(name))
  if (room?.state === 'interrupted' && playing === room.id) return
  if (room?.state !== 'live') return leave(room?.state === 'scheduled' && room.scheduled_at ? t.soon(name, room.scheduled_at) : t.off(name))
  if (playing === room.id) return
  leave('')
  playing = room.id
  await play(room)
}

async function play(room: RoomView): Promise<void> {
  const url = `/hls/${room.id}/index.m3u8`
  video.setAttribute('aria-label', room.title)
  if (!('MediaSource' in globalThis)) {
    video.src = url
  } else {
    const { default: Player } = await import('hls.js')
    if (playing !== room.id) return
    hls = new Player({ enableWorker: false, lowLatencyMode: true, capLevelToPlayerSize: true, backBufferLength: 30 })
    hls.on(Player.Events.ERROR, (_, { fatal }) => {
      if (!fatal || playing !== room.id) return
      leave(t.looking)
      setTimeout(again, beginAgainMs)
    })
    hls.loadSource(url)
    hls.attachMedia(video)
  }
  void video.play().catch(() => undefined)
}

function leave(sentence: string): void {
  playing = null
  hls?.destroy()
  hls = null
  video.removeAttribute('src')
  video.load()
  say(sentence)
}

sound.addEventListener('click', () => {
  video.muted = !video.muted
  sound.textContent = video.muted ? t.unmute : t.mute
  void video.play().catch(() => undefined)
})
const again = (): void => void look().catch(() => undefined)
say(t.looking)
setInterval(again, lookAgainMs)
document.addEventListener('visibilitychange', again)
again()
