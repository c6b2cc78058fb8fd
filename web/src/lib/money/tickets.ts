/** Tickets by their calls: one's own, and the host's side. */
import { call, type List, type MyTicket, type PassHolder, type TicketHolder, type TicketOffer } from '$lib/api'

const pathOf = (room: string) => `/rooms/${encodeURIComponent(room)}`
export const myTickets = async (): Promise<MyTicket[]> => (await call<List<MyTicket>>('GET', '/me/tickets')).items
export const offerOf = (room: string): Promise<TicketOffer> => call('GET', `${pathOf(room)}/ticket-offer`)
export const setOffer = (room: string, offer: object): Promise<TicketOffer> => call('PUT', `${pathOf(room)}/ticket-offer`, offer)
export const holdersOf = async (room: string): Promise<TicketHolder[]> => (await call<List<TicketHolder>>('GET', `${pathOf(room)}/tickets`)).items
export const passesOf = async (room: string): Promise<PassHolder[]> => (await call<List<PassHolder>>('GET', `${pathOf(room)}/stage-passes`)).items
export const giveBack = (room: string, refund: string): Promise<void> => call('POST', `${pathOf(room)}/tickets/returns/${encodeURIComponent(refund)}`)
export const postpone = (room: string, to: string): Promise<unknown> => call('PATCH', pathOf(room), { scheduled_at: to })

/** What is typed of countries as the program wants it: two capital letters each. */
export const countriesOf = (typed: string): string[] => typed.toUpperCase().split(/[\s,;]+/).filter((code) => code !== '')
/** The value a datetime-local input wants, and back. */
export function localOf(at: string | null | undefined): string {
  if (!at) return ''
  const date = new Date(at)
  return new Date(date.getTime() - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 16)
}
export const momentOf = (local: string): string | null => (local === '' ? null : new Date(local).toISOString())

export const tones = { reserved: 'gold', lapsed: 'plain', held: 'good', delivered: 'plain', returned: 'gem' } as const
