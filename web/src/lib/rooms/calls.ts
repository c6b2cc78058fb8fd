/** What the server can do with rooms, one line each. */
import { call, type Access, type Channel, type List, type RoomView } from '$lib/api'

export const rooms = (): Promise<List<RoomView>> => call('GET', '/rooms')
export const room = (id: string): Promise<RoomView> => call('GET', `/rooms/${encodeURIComponent(id)}`)
export const channel = (handle: string): Promise<Channel> => call('GET', `/channels/${encodeURIComponent(handle)}`)
export interface NewRoom {
  title: string
  scheduled_at?: string
  /** The handle of a page of one's own; else it is in one's personal channel. */
  channel?: string
  access?: Access
}
export const create = (room: NewRoom): Promise<RoomView> => call('POST', '/rooms', room)
export const edit = (id: string, to: { title?: string; scheduled_at?: string }): Promise<RoomView> => call('PATCH', `/rooms/${id}`, to)
export const retitle = (id: string, title: string): Promise<RoomView> => edit(id, { title })
export const toLobby = (id: string): Promise<RoomView> => call('POST', `/rooms/${id}/lobby`)
export const goLive = (id: string): Promise<RoomView> => call('POST', `/rooms/${id}/live`)
/** Ends a live and takes its viewers along to another channel's. */
export const redirect = (id: string, channel: string): Promise<RoomView> => call('POST', `/rooms/${id}/redirect`, { channel })
export const end = (id: string): Promise<RoomView> => call('POST', `/rooms/${id}/end`)
