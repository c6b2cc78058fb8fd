/** Type-checking already refuses a missing French key; here, that none is empty or left in English, and all can be said. */
import { describe, expect, test } from 'vitest'
import { dictionaries as common } from '../src/lib/i18n/common'
import { dictionaries as earnings } from '../src/lib/money/earnings-words'
import { dictionaries as badges } from '../src/lib/money/badge-words'
import { dictionaries as giving } from '../src/lib/money/giving-words'
import { dictionaries as subscriptions } from '../src/lib/money/subscription-words'
import { dictionaries as tickets } from '../src/lib/money/ticket-words'
import { dictionaries as support } from '../src/lib/money/support-words'
import { dictionaries as caps } from '../src/lib/money/caps-words'
import { dictionaries as payouts } from '../src/lib/money/payout-words'
import { dictionaries as media } from '../src/lib/media/words'
import { dictionaries as money } from '../src/lib/money/words'
import { dictionaries as purchases } from '../src/lib/money/purchases-words'
import { dictionaries as operator } from '../src/lib/people/operator-words'
import { dictionaries as operatorMoney } from '../src/lib/people/operator-money-words'
import { dictionaries as bots } from '../src/lib/people/bot-words'
import { dictionaries as notices } from '../src/lib/people/notice-words'
import { dictionaries as embed } from '../src/pages/embed/words'
import { dictionaries as deletion } from '../src/lib/people/deletion-words'
import { dictionaries as own } from '../src/lib/people/own-words'
import { dictionaries as reports } from '../src/lib/people/report-words'
import { dictionaries as people } from '../src/lib/people/words'
import { dictionaries as overlays } from '../src/lib/overlays/words'
import { dictionaries as overlayStudio } from '../src/lib/overlays/studio-words'
import { dictionaries as emotes } from '../src/lib/rooms/emote-words'
import { dictionaries as hangout } from '../src/lib/rooms/hangout-words'
import { dictionaries as health } from '../src/lib/rooms/health-words'
import { dictionaries as home } from '../src/lib/rooms/home-words'
import { dictionaries as studio } from '../src/lib/rooms/studio-words'
import { dictionaries as interlude } from '../src/lib/rooms/interlude-words'
import { dictionaries as replays } from '../src/lib/rooms/replay-words'
import { dictionaries as restream } from '../src/lib/rooms/restream-words'
import { dictionaries as chat } from '../src/lib/rooms/chat-words'
import { dictionaries as crowd } from '../src/lib/rooms/crowd-words'
import { dictionaries as rules } from '../src/lib/rooms/rules-words'
import { dictionaries as stage } from '../src/lib/rooms/stage-words'
import { dictionaries as rooms } from '../src/lib/rooms/words'

const areas = { badges, bots, crowd, deletion, embed, notices, emotes, overlays, overlayStudio, giving, subscriptions, support, tickets, caps, common, payouts, earnings, media, money, operator, operatorMoney, people, purchases, own, reports, hangout, health, home, interlude, replays, restream, chat, rules, stage, studio, rooms }
/** The same word in both languages, and rightly so. */
const alike = new Set(['…', 'Signal', 'Live', 'Studio', 'Auto', 'Pause', 'Audit', 'Transfers', 'Posting', 'Cause', 'Like', 'Message', 'Stable', 'free', 'Badge', 'Badges', '3 badges', '3 min', 'Webhooks', 'JSON', 'CSV', 'Fraud', '0 min'])

function leaves(node: unknown, path: string): [string, string][] {
  if (typeof node === 'string') return [[path, node]]
  if (typeof node === 'function') return [[path, String((node as (...args: unknown[]) => unknown)(...sample(node)))]]
  return Object.entries(node as object).flatMap(([key, value]) => leaves(value, `${path}.${key}`))
}
/** Arguments that fit any of our sentences: numbers, or a date where one is read. */
function sample(sentence: Function): unknown[] {
  const source = String(sentence)
  return Array.from({ length: sentence.length }, () => (/dayTime|clockTime|day\(/.test(source) ? '2026-03-04T20:00:00Z' : 3))
}

describe.each(Object.entries(areas))('%s', (_name, { en, fr }) => {
  const english = new Map(leaves(en, ''))
  const french = new Map(leaves(fr, ''))

  test('has the same keys in both languages', () => {
    expect([...french.keys()].sort()).toEqual([...english.keys()].sort())
  })
  test('leaves nothing empty, and nothing in English', () => {
    for (const [key, text] of french) {
      expect(text.trim(), key).not.toBe('')
      if (!alike.has(english.get(key)!)) expect(text, key).not.toBe(english.get(key))
    }
  })
  test('sets French punctuation after a space', () => {
    for (const [key, text] of french) expect(text, key).not.toMatch(/[a-zà-ÿ][!?;]/i)
  })
})
