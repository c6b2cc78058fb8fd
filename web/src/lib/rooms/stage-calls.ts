/** What one can do about the stage, one line each. The answer comes over the room's socket to everyone, so to us. */
import { call, type Blocked, type Layout, type List } from '$lib/api'

const post = (room: string, deed: string, body: object = {}): Promise<unknown> => call('POST', `/rooms/${room}/stage/${deed}`, body)

export const ask = (room: string) => post(room, 'ask')
export const invite = (room: string, handle: string) => post(room, 'invite', { handle })
export const admit = (room: string, person: string) => post(room, 'admit', { person })
export const join = (room: string) => post(room, 'join')
export const leave = (room: string) => post(room, 'leave')
export const remove = (room: string, person: string) => post(room, 'remove', { person })
export const flip = (room: string, to: { person?: string; muted?: boolean; hidden?: boolean }) => post(room, 'switch', to)
export const layOut = (room: string, layout: Layout, focus: number | null): Promise<unknown> => call('PUT', `/rooms/${room}/stage/layout`, { layout, focus })

export const blocks = (): Promise<List<Blocked>> => call('GET', '/me/blocks')
export const block = (handle: string): Promise<unknown> => call('PUT', `/me/blocks/${encodeURIComponent(handle)}`)
export const unblock = (handle: string): Promise<unknown> => call('DELETE', `/me/blocks/${encodeURIComponent(handle)}`)
