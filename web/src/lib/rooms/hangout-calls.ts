/** What can be done with a hangout, one line each. The answer comes over the room's socket to everyone, so to us. */
import { call, type Door, type HangoutLink } from '$lib/api'

const post = <T>(room: string, deed: string, body?: object): Promise<T> => call('POST', `/hangouts/${encodeURIComponent(room)}/${deed}`, body)
/** The host and those inside need none. */
const key = (secret: string) => (secret ? { secret } : {})

export const start = (title: string): Promise<HangoutLink> => call('POST', '/hangouts', { title })
export const door = (room: string, secret: string): Promise<Door> => post(room, 'door', key(secret))
export const enter = (room: string, secret: string) => post(room, 'enter', key(secret))
export const lock = (room: string, locked: boolean) => post(room, 'lock', { locked })
export const relink = (room: string): Promise<HangoutLink> => post(room, 'link')
export const askLive = (room: string) => post(room, 'live')
export const answer = (room: string, yes: boolean) => post(room, 'answer', { yes })

/** The secret stands behind the #: browsers send it to nobody, and so no log has it. */
export const pageOf = ({ room, secret }: { room: string; secret: string }): string => `/h/${room}${secret ? `#${secret}` : ''}`
