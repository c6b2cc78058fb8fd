/** Programs: tokens by which they act as a person, and addresses of theirs that are told what happens in a channel. */
import { call, type AccessToken, type List, type MadeAccessToken, type TokenScope, type Webhook, type WebhookDelivery, type WebhookKind, type WebhookWithSecret } from '$lib/api'

export const scopes: readonly TokenScope[] = ['room:read', 'chat:read', 'chat:write', 'moderate']
export const kinds: readonly WebhookKind[] = ['live.began', 'live.ended', 'gift', 'badge', 'subscription', 'ticket', 'follow']
/** How long a token holds, in days; 0 is until it is revoked. */
export const lives: readonly number[] = [30, 90, 365, 0]
export const tokensMax = 20
export const webhooksMax = 5

export const tokens = (): Promise<List<AccessToken>> => call('GET', '/tokens')
export const revoke = (id: string): Promise<unknown> => call('DELETE', `/tokens/${id}`)
export function makeToken(name: string, chosen: readonly TokenScope[], days: number, now: number): Promise<MadeAccessToken> {
  const expires_at = days ? new Date(now + days * 86_400_000).toISOString() : null
  return call('POST', '/tokens', { name, scopes: chosen, expires_at })
}

const path = (handle: string, rest = ''): string => `/channels/${encodeURIComponent(handle)}/webhooks${rest && `/${rest}`}`
export const webhooks = (handle: string): Promise<List<Webhook>> => call('GET', path(handle))
export const addWebhook = (handle: string, url: string, told: readonly WebhookKind[]): Promise<WebhookWithSecret> => call('POST', path(handle), { url, kinds: told })
export const changeWebhook = (handle: string, id: string, to: { url?: string; kinds?: readonly WebhookKind[]; enabled?: boolean }): Promise<Webhook> => call('PATCH', path(handle, id), to)
export const removeWebhook = (handle: string, id: string): Promise<unknown> => call('DELETE', path(handle, id))
export const newSecret = (handle: string, id: string): Promise<WebhookWithSecret> => call('POST', path(handle, `${id}/secret`))
export const test = (handle: string, id: string): Promise<unknown> => call('POST', path(handle, `${id}/test`))
export const deliveries = (handle: string, id: string): Promise<List<WebhookDelivery>> => call('GET', path(handle, `${id}/deliveries`))
export const replay = (handle: string, id: string, delivery: string): Promise<unknown> => call('POST', path(handle, `${id}/deliveries/${delivery}/replay`))

/** What is there with one more, or without it, in the order of all. */
export const toggled = <T>(all: readonly T[], chosen: readonly T[], one: T): T[] => all.filter((each) => (each === one ? !chosen.includes(one) : chosen.includes(each)))
