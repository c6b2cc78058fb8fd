/** Being told when channels that one follows go live: what was told, the switches, the bells, and this browser's subscription. */
import { call, type Bell, type Followed, type Inbox, type List, type NoticeAddress, type NoticeSettings } from '$lib/api'

export const inbox = (): Promise<Inbox> => call('GET', '/me/notices')
export const readThrough = (through: string): Promise<unknown> => call('POST', '/me/notices/read', { through })

export type Way = 'in_app' | 'email' | 'push'
export const settings = (): Promise<NoticeSettings> => call('GET', '/me/notice-settings')
export const choose = (way: Way, on: boolean): Promise<NoticeSettings> => call('PATCH', '/me/notice-settings', { [way]: on })
export const giveAddress = (address: string): Promise<NoticeAddress> => call('PUT', '/me/notice-address', { address })
export const forgetAddress = (): Promise<unknown> => call('DELETE', '/me/notice-address')

const bellPath = (handle: string): string => `/channels/${encodeURIComponent(handle)}/bell`
export const bell = async (handle: string): Promise<Bell> => (await call<{ bell: Bell }>('GET', bellPath(handle))).bell
export const ring = async (handle: string, to: Bell): Promise<Bell> => (await call<{ bell: Bell }>('PUT', bellPath(handle), { bell: to })).bell
export const follows = (): Promise<List<Followed>> => call('GET', '/me/follows')

const worker = '/notices.js'

/** Whether this browser can be told at all. */
export const canPush = (): boolean => 'serviceWorker' in navigator && 'PushManager' in globalThis && 'Notification' in globalThis

async function subscription(): Promise<PushSubscription | null> {
  const registered = await navigator.serviceWorker.getRegistration(worker)
  return (await registered?.pushManager.getSubscription()) ?? null
}

export const isTold = async (): Promise<boolean> => canPush() && (await subscription()) !== null

/** Has this browser told; false when its person refuses. */
export async function tellHere(key: string): Promise<boolean> {
  if ((await Notification.requestPermission()) !== 'granted') return false
  await navigator.serviceWorker.register(worker)
  const { pushManager } = await navigator.serviceWorker.ready
  const made = await pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: key })
  const { endpoint, keys } = made.toJSON()
  const { id } = await call<{ id: string }>('POST', '/me/push-subscriptions', { endpoint, keys: { p256dh: keys?.p256dh, auth: keys?.auth } })
  localStorage.setItem('busk-push', id)
  return true
}

/** Has this browser told no more. */
export async function tellHereNoMore(): Promise<void> {
  await (await subscription())?.unsubscribe()
  const id = localStorage.getItem('busk-push')
  // One that the site has forgotten is told no more, either.
  if (id) await call('DELETE', `/me/push-subscriptions/${id}`).catch((problem) => problem.status !== 404 && Promise.reject(problem))
  localStorage.removeItem('busk-push')
}
