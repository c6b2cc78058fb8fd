/** What can be reported as what, and what the pages ask of the server about it. */
import { call, uuidv7, type List, type Report, type ReportCategory, type ReportGround, type ReportObject, type Statement } from '$lib/api'

/** In the order in which they are offered; the server refuses all else. */
export const kinds: Record<ReportGround, ReportCategory[]> = {
  rules: ['harassment', 'hate', 'sexual', 'minors', 'self_harm', 'spam', 'fraud', 'impersonation', 'intellectual_property', 'other'],
  law: ['minors', 'violence', 'terrorism', 'hate', 'harassment', 'sexual', 'fraud', 'goods', 'impersonation', 'intellectual_property', 'privacy', 'other'],
}

export type Telling = { id: string; object: ReportObject; ground: ReportGround; category: ReportCategory; words: string; good_faith: boolean; name: string; email: string }

/** Fields are one line to the server: what was typed in several is said in one. */
export const plain = (text: string): string => text.replace(/\s+/g, ' ').trim()

export const report = (telling: Telling): Promise<Report> => call('POST', '/reports', { ...telling, words: plain(telling.words), name: telling.name.trim() || null, email: telling.email.trim() || null })
export const myReports = (): Promise<List<Report>> => call('GET', '/me/reports?limit=50')
export const myStatements = (): Promise<List<Statement>> => call('GET', '/me/statements?limit=50')
export const appeal = (decision: string, words: string): Promise<unknown> => call('POST', `/decisions/${decision}/appeals`, { id: uuidv7(), words: plain(words) })
