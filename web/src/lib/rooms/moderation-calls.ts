/** What moderators ask of the server, one line each. What comes of it is told by the room's log, to them too. */
import { call, type ChatFilter, type ChatMode, type List, type ModerationAct, type ModerationRecord, type PersonHistory, type Sanctioned, type TeamMate, type TeamRole } from '$lib/api'

export const act = (room: string, act: ModerationAct, person: string, more: { seconds?: number; why?: string } = {}): Promise<unknown> =>
  call('POST', `/rooms/${room}/moderation/acts`, { act, person, ...more })
export const history = (room: string, person: string): Promise<PersonHistory> => call('GET', `/rooms/${room}/moderation/people/${person}`)
export const judge = (room: string, message: string, approve: boolean): Promise<unknown> => call('POST', `/rooms/${room}/moderation/held/${message}`, { approve })
export const setMode = (room: string, { slow_s, followers_min, subscribers, guests, links }: ChatMode): Promise<ChatMode> =>
  call('PUT', `/rooms/${room}/chat-mode`, { slow_s, followers_min: followers_min ?? null, subscribers, guests, links })
export const raid = (room: string, minutes: number): Promise<unknown> => call('PUT', `/rooms/${room}/moderation/raid`, { minutes })
export const endRaid = (room: string): Promise<unknown> => call('DELETE', `/rooms/${room}/moderation/raid`)

const channel = (handle: string): string => `/channels/${encodeURIComponent(handle)}`
export const filterOf = (handle: string): Promise<ChatFilter> => call('GET', `${channel(handle)}/chat-filter`)
export const setFilter = (handle: string, filter: ChatFilter): Promise<ChatFilter> => call('PUT', `${channel(handle)}/chat-filter`, filter)
export const logOf = (handle: string): Promise<List<ModerationRecord>> => call('GET', `${channel(handle)}/moderation/log?limit=50`)
export const keptOutOf = (handle: string): Promise<List<Sanctioned>> => call('GET', `${channel(handle)}/moderation/people`)
export const lift = (handle: string, person: string, act: ModerationAct): Promise<unknown> => call('POST', `${channel(handle)}/moderation/acts`, { act, person })
export const teamOf = (handle: string): Promise<List<TeamMate>> => call('GET', `${channel(handle)}/team`)
export const addMate = (handle: string, member: string, role: TeamRole): Promise<unknown> => call('PUT', `${channel(handle)}/team/${encodeURIComponent(member)}`, { role })
export const removeMate = (handle: string, member: string): Promise<unknown> => call('DELETE', `${channel(handle)}/team/${encodeURIComponent(member)}`)
