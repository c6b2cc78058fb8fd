/** What the server can do with rooms, one line each. */
import { call, type Channel, type List, type RoomView } from '$lib/api'

export const rooms = (): Promise<List<RoomView>> => call('GET', '/rooms')
export const room = (id: string): Promise<RoomView> => call('GET', `/rooms/${encodeURIComponent(id)}`)
export const channel = (handle: string): Promise<Channel> => call('GET', `/channels/${encodeURIComponent(handle)}`)
export const create = (title: string, scheduled_at?: string): Promise<RoomView> =>
  call('POST', '/rooms', scheduled_at ? { title, scheduled_at } : { title })
export const retitle = (id: string, title: string): Promise<RoomView> => call('PATCH', `/rooms/${id}`, { title })
export const toLobby = (id: string): Promise<RoomView> => call('POST', `/rooms/${id}/lobby`)
export const goLive = (id: string): Promise<RoomView> => call('POST', `/rooms/${id}/live`)
export const end = (id: string): Promise<RoomView> => call('POST', `/rooms/${id}/end`)
