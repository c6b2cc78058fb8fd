/** Other platforms that one's lives are shown on, too: what the server keeps of them, and how it goes. */
import { call, type List, type Restream, type RestreamTarget } from '$lib/api'

export type { Restream, RestreamTarget }
export type NewTarget = { name: string; url: string; key: string; enabled: boolean }

const path = (handle: string, target = ''): string => `/channels/${encodeURIComponent(handle)}/restream-targets${target && `/${target}`}`
export const targets = (handle: string): Promise<List<RestreamTarget>> => call('GET', path(handle))
export const add = (handle: string, target: NewTarget): Promise<RestreamTarget> => call('POST', path(handle), target)
export const change = (handle: string, id: string, to: Partial<NewTarget>): Promise<RestreamTarget> => call('PATCH', path(handle, id), to)
export const remove = (handle: string, id: string): Promise<unknown> => call('DELETE', path(handle, id))
export const states = (room: string): Promise<List<Restream>> => call('GET', `/rooms/${room}/restream`)

export const targetsMax = 3

export type PlatformId = 'twitch' | 'youtube' | 'facebook' | 'kick' | 'other'
export interface Platform {
  id: PlatformId
  name: string
  url: string
}
/** Where they take streams, over TLS. */
export const platforms: readonly Platform[] = [
  { id: 'twitch', name: 'Twitch', url: 'rtmps://ingest.global-contribute.live-video.net:443/app' },
  { id: 'youtube', name: 'YouTube', url: 'rtmps://a.rtmps.youtube.com:443/live2' },
  { id: 'facebook', name: 'Facebook', url: 'rtmps://live-api-s.facebook.com:443/rtmp' },
  { id: 'kick', name: 'Kick', url: 'rtmps://fa723fc1b171.global-contribute.live-video.net:443/app' },
  { id: 'other', name: '', url: '' },
]
/** Whose address it is, as far as we know. */
export const platformOf = (url: string | null): Platform => platforms.find((platform) => platform.url === url) ?? platforms.at(-1)!

/** What people paste is often all in one: the address with the key as its last part. */
export function apart(url: string, key: string): { url: string; key: string } {
  const whole = { url: url.trim(), key: key.trim() }
  if (whole.key) return whole
  const parts = /^(rtmps?:\/\/[^/]+\/.*[^/])\/([^/]{8,})$/i.exec(whole.url)
  return parts ? { url: parts[1]!, key: parts[2]! } : whole
}

/** What of a change the server has to hear: what is as it was is left out, and an empty key is the one it has. */
export function differing(was: RestreamTarget, now: { name: string; url: string; key: string }): Partial<NewTarget> {
  const to: Partial<NewTarget> = {}
  if (now.name.trim() !== was.name) to.name = now.name.trim()
  if (now.url.trim() !== (was.url ?? '')) to.url = now.url.trim()
  if (now.key.trim()) to.key = now.key.trim()
  return to
}

const droppedPermilleMax = 10
/** The other platform, or the line to it, is too slow for the picture. */
export const isSlow = ({ pictures_sent, pictures_dropped }: Restream): boolean => pictures_dropped * 1000 > (pictures_sent + pictures_dropped) * droppedPermilleMax
