/// A small stand-in for the program's API and socket, so that the pages can be drawn before the server is there.
/// `?as=viewer|creator|guest|nobody` on any page sets who one is; the state lives in this process.
import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Plugin } from 'vite'
import { WebSocketServer, type WebSocket } from 'ws'
import { begin, caps, payment, payments, refusal } from './payments.ts'
import { drop, logPage, media, replayOf, replaysOf, reveal } from './replay.ts'
import { follows, inbox, noticeSettings } from './notices.ts'
import { deskOf, held, payouts, standing } from './payouts.ts'
import { operatorList, taxLines, taxPosting, taxSummary } from './operator.ts'
import { restreaming, restreamTargets } from './restream.ts'
import { knock, onStage, stageView } from './stage.ts'
import { subscribers, subscriptions, tiers } from './subscriptions.ts'
import { badges, ranking, supporters } from './support.ts'
import { gifts, makeRoom, packs, statement, transfers, world, type MockRoom } from './world.ts'

type Json = Record<string, unknown>
const state = world()
const sockets = new Map<string, Set<WebSocket>>()
const people: Record<string, Json> = {
  viewer: { kind: 'person', id: 'p-viewer', handle: 'vera', display_name: 'Vera Viewer', about: '', role: 'viewer', coins: 640, adult: true },
  creator: { kind: 'person', id: 'p-luna', handle: 'nia', display_name: 'Nia Solaris', about: 'Loops, strings, a suitcase.', role: 'viewer', coins: 12, channel: { id: 'c1', handle: 'nia', name: 'Nia Solaris' } },
  operator: { kind: 'person', id: 'p-op', handle: 'op', display_name: 'Olu Operator', about: '', role: 'operator', coins: 0, channel: { id: 'c2', handle: 'op', name: 'Olu Operator' } },
  guest: { kind: 'guest', id: 'g-1', handle: null, display_name: 'Pat', about: null, role: null, coins: 0 },
  nobody: { kind: 'nobody', id: null, handle: null, display_name: null, about: null, role: null, coins: 0 },
}
const whoOf = (request: IncomingMessage): string => /busk_mock=(\w+)/.exec(request.headers.cookie ?? '')?.[1] ?? 'nobody'
const meOf = (who: string): Json => ({ channel: null, adult: false, suspended: false, demo: true, ...(people[who] ?? people.nobody) })
const become = (answer: ServerResponse, who: string): Json => {
  answer.setHeader('set-cookie', `busk_mock=${who}; Path=/`)
  return meOf(who)
}
const blocked = [{ id: 'b1', handle: 'grump', name: 'Gus Grump' }, { id: 'b2', handle: 'loudmouth_with_a_long_handle', name: 'Jules de la Tour d’Auvergne-Lauraguais' }]
const problem = (status: number, kind: string, detail: string, field?: string): [number, Json] => [status, { type: `/problems/${kind}`, title: kind, status, detail, field }]
const viewOf = (room: MockRoom, who: string): Json => {
  const { log: _log, crowd: _crowd, stage: _stage, ...view } = room
  return { ...view, mine: (meOf(who).channel as Json | null)?.handle === room.channel.handle }
}

function append(room: MockRoom, event: Json): Json {
  const numbered = { n: ++room.seq, at: new Date().toISOString(), ...event }
  room.log.push(numbered)
  tell(room, { v: 1, room: room.id, epoch: 1, seq: room.seq, ev: [numbered] })
  return numbered
}
function tell(room: MockRoom, frame: Json): void {
  for (const socket of sockets.get(room.id) ?? []) socket.send(JSON.stringify(frame))
}
const speaker = (who: string, host = false): Json => ({ id: meOf(who).id, name: meOf(who).display_name, kind: meOf(who).kind, role: host ? 'host' : undefined })

const streaks = new Map<string, { id: string; count: number; at: number }>()
function give(room: MockRoom, from: Json, code: string, id: string): Json {
  const kind = gifts.find((each) => each.code === code)!
  const key = `${room.id} ${String(from.id)} ${code}`
  const old = streaks.get(key)
  const streak = old && kind.streakable && Date.now() - old.at < 5000 ? { ...old, count: old.count + 1, at: Date.now() } : { id: randomUUID(), count: 1, at: Date.now() }
  streaks.set(key, streak)
  append(room, { type: 'gift', id, from, kind: code, count: 1, price: kind.price, streak: kind.streakable ? { id: streak.id, count: streak.count } : null, total: kind.price })
  return { id: streak.id, count: streak.count }
}

function api(method: string, path: string, body: Json, who: string, answer: ServerResponse): [number, unknown] {
  const [, id, deed, which] = path.split('/')
  const area = path.split(/[/?]/)[0]
  const me = people[who] ?? people.nobody!
  const room = state.rooms.find((each) => each.id === id)
  switch (`${method} ${area}`) {
    case 'GET me': return [200, id === 'blocks' ? { items: blocked, next: null } : id === 'subscriptions' ? { items: subscriptions, next: null } : id === 'spending-caps' ? caps : id === 'notices' ? inbox : id === 'notice-settings' ? noticeSettings : id === 'follows' ? follows : meOf(who)]
    case 'POST me': me.adult = true; return [204, null]
    case 'PUT me': blocked.push({ id: deed!, handle: deed!, name: deed! }); return [204, null]
    case 'DELETE me': blocked.splice(0); return [204, null]
    case 'PATCH me': return [200, Object.assign(me, body) && meOf(who)]
    case 'POST sign-in': return body.password === 'wrong' ? problem(401, 'sign_in_failed', 'no') : [200, become(answer, 'viewer')]
    case 'POST sign-up': return body.handle === 'taken' ? problem(409, 'handle_taken', 'taken', 'handle') : [201, become(answer, 'viewer')]
    case 'POST setup': return [201, become(answer, 'operator')]
    case 'POST sign-out': return [204, become(answer, 'nobody')]
    case 'POST guests': people.guest!.display_name = body.name; return [201, become(answer, 'guest')]
    case 'POST demo': return [200, become(answer, String(body.as)) && { handle: body.as, display_name: body.as }]
    case 'GET channels': {
      if (deed === 'restream-targets') return [200, { items: restreamTargets }]
      if (deed === 'stream-key') return [200, { exists: true, created_at: new Date().toISOString() }]
      const open = state.rooms.find((each) => each.channel.handle === id && each.state !== 'ended')
      const own = (meOf(who).channel as Json | null)?.handle === id
      const ended = state.rooms.filter((each) => each.channel.handle === id && each.state === 'ended')
      if (deed === 'ranking') return [200, { items: ranking, next: null }]
      if (deed === 'supporters') return [200, { items: supporters, next: null }]
      if (deed === 'follow') return [200, { followers: 1204, since: null }]
      if (deed === 'team') return [200, { items: [{ id: 'o', handle: id, name: me.display_name ?? '', role: 'owner', since: null }], next: null }]
      if (deed === 'chat-filter') return [200, { words: ['spoiler'], lists: [], action: 'hold', repeat_s: 0 }]
      if (deed === 'moderation') return [200, { items: [], next: null }]
      if (deed === 'tiers') return [200, { items: tiers, next: null }]
      if (deed === 'subscribers') return [200, { items: subscribers, next: null }]
      if (deed === 'replays') return [200, { items: replaysOf({ id: 'c', handle: id, name: me.display_name ?? 'Otto Offline' }, own, ended), next: null }]
      if (!open && !own && id !== 'offline') return problem(404, 'channel_unknown', 'unknown')
      return [200, { id: 'c', handle: id, name: open?.channel.name ?? me.display_name ?? 'Otto Offline', about: '', room: open ? viewOf(open, who) : null, mine: own }]
    }
    case 'POST channels': return [201, { key: 'bk_' + randomUUID().replaceAll('-', '') + randomUUID().replaceAll('-', '') }]
    case 'GET gifts': return [200, { items: gifts, next: null }]
    case 'GET coin-packs': return [200, { items: packs }]
    case 'POST coin-purchases': {
      const pack = packs.find((each) => each.code === body.pack)!
      const refused = refusal(me.adult === true, pack)
      return refused ? problem(...refused, 'refused') : [201, begin(String(body.id), pack)]
    }
    case 'GET payments': {
      if (!id) return [200, payments()]
      const found = payment(id, (coins) => (me.coins = Number(me.coins) + coins))
      return found ? [200, found] : problem(404, 'payment_unknown', 'unknown')
    }
    case 'GET payouts': return [200, { items: who === 'viewer' ? [] : payouts, next: null }]
    case 'POST payouts': return [201, payouts[0]]
    case 'PUT payouts': return [200, standing]
    case 'GET earnings': {
      if (id === 'money') return [200, who === 'viewer' ? held : standing]
      if (id?.startsWith('statement')) return deed ? [200, transfers(deed)] : [200, { items: statement(), next: null }]
      return [200, { diamonds: { pending: 1840, available: 12_400 }, money: { available: standing.available }, next_release: { at: new Date(Date.now() + 2 * 864e5).toISOString(), diamonds: 410 }, lifetime_diamonds: 18_240 + state.rooms.reduce((n, each) => n + each.log.filter((event) => event.type === 'gift').length * 3, 0), policy: { version: 1, gift_share_percent: 50, hold_days: 7 } }]
    }
    case 'POST earnings': return Number(body.diamonds) > 12_400 ? problem(422, 'insufficient_funds', 'more than available', 'diamonds') : [201, { id: body.id, money: { amount: Number(body.diamonds), currency: 'USD' } }]
    case 'POST operator': if (id === 'audits') return [200, { at: new Date().toISOString(), ok: true, accounts: 2210, transfers: 91_204, postings: 30_188, findings: [] }]; return id === 'payouts' || id === 'payout-batches' ? [200, deed ? {} : { payouts: 1, file: '/mock-batch' }] : [deed && id !== 'people' ? 200 : 204, {}]
    case 'GET operator':
      if (id?.startsWith('payout')) return [200, deskOf(id)]
      if (id?.startsWith('taxes')) return [200, deed?.startsWith('lines') ? taxLines() : taxSummary()]
      if (id === 'postings') return [200, taxPosting(String(deed))]
      if (id !== 'summary') return [200, operatorList(String(id).split('?')[0]!)]
      return [200, { people: 1204, rooms_live: 5, coins_sold: 482_350, notices_set_aside: 0, holdings: [{ account: 'psp_clearing', unit: 'USD', balance: 482_350 }, { account: 'coin_float', unit: 'USD', balance: 120_400 }, { account: 'diamond_float', unit: 'USD', balance: 88_210 }, { account: 'platform_revenue', unit: 'USD', balance: 273_740 }], audit: { at: new Date(Date.now() - 9e5).toISOString(), ok: true, accounts: 2210, transfers: 91_204, postings: 30_188, findings: [] } }]
    case 'GET rooms':
      if (deed === 'replay' && which?.startsWith('events')) return [200, logPage(Number(which.split('=')[1] ?? 0))]
      if (deed === 'replay') {
        const found = replayOf(id!, room?.channel ?? { id: 'c', handle: 'offline', name: 'Otto Offline' }, room ? viewOf(room, who).mine === true : who === 'creator', room?.title)
        return found ? [200, found] : problem(404, 'replay_unknown', 'unknown')
      }
      if (id?.startsWith('past-')) return [200, { ...viewOf(state.rooms[0]!, who), id, state: 'ended', title: 'Past', channel: { id: 'c', handle: 'offline', name: 'Otto Offline' }, mine: false }]
      if (deed === 'restream') return [200, { items: restreaming() }]
      if (deed === 'ranking') return [200, { items: ranking, next: null }]
      if (deed === 'badges') return [200, { items: badges, next: null }]
      if (deed === 'stage' && room) return [200, stageView(room.stage, me.id, viewOf(room, who).mine === true)]; return id ? (room ? [200, viewOf(room, who)] : problem(404, 'room_unknown', 'unknown')) : [200, { items: state.rooms.filter((each) => each.state !== 'ended' && each.state !== 'lobby').map((each) => viewOf(each, who)), next: null }]
    case 'PUT rooms': onStage(room!, 'layout', body, speaker(who), (event) => append(room!, event)); return [200, {}]
    case 'PATCH rooms':
      if (deed === 'replay') return [200, reveal(id!, body.visibility) && replayOf(id!, meOf(who).channel as Json, true, room?.title)]
      if (room) Object.assign(room, body); return [200, viewOf(room!, who)]
    case 'DELETE rooms':
      if (deed === 'replay') return [204, drop(id!)]
      append(room!, { type: 'deleted', message: which, by: me.id }); return [204, null]
    case 'POST rooms': {
      if (!id) {
        const { handle, name } = meOf(who).channel as { handle: string; name: string }
        const made = makeRoom(handle, name, String(body.title), { state: body.scheduled_at ? 'scheduled' : 'lobby', scheduled_at: (body.scheduled_at as string) ?? null, viewers: 0 })
        state.rooms.push(made)
        return [201, viewOf(made, who)]
      }
      if (!room) return problem(404, 'room_unknown', 'unknown')
      if (deed === 'gifts') {
        const kind = gifts.find((each) => each.code === body.kind)!
        if (Number(me.coins) < kind.price) return problem(402, 'insufficient_funds', 'not enough')
        me.coins = Number(me.coins) - kind.price
        const streak = give(room, speaker(who), kind.code, String(body.id))
        return [201, { gift: body.id, paid: kind.price, coins: me.coins, streak, split: { creator: Math.ceil(kind.price / 2), platform: Math.floor(kind.price / 2) } }]
      }
      if (deed === 'stage') {
        onStage(room, which!, body, speaker(who), (event) => append(room, event))
        return [200, {}]
      }
      if (deed === 'lobby') room.state = 'lobby'
      if (deed === 'live') Object.assign(room, { state: 'live', started_at: new Date().toISOString() })
      if (deed === 'live') knock(room, (event) => append(room, event))
      if (deed === 'end') Object.assign(room, { state: 'ended', ended_at: new Date().toISOString() })
      append(room, { type: 'room_state', state: room.state })
      return [200, viewOf(room, who)]
    }
  }
  return problem(404, 'not_found', path)
}

const talk = ['This song got me through the winter 🧡', 'Louder!!', 'Quelle voix, bravo !', 'Where is this corner? I want to come by', 'second verse is the best verse', 'First time here and I am not leaving', 'Une question : quelle guitare utilises-tu ? Elle sonne incroyablement bien en plein air, même avec le tram.', 'hello from Nairobi', '👏👏👏', 'Can you play the one about the bridge?', 'supercalifragilisticexpialidociousandevenlongerwithoutanyspace']
const crowd = ['Imani', 'Théo', 'Jules de la Tour d’Auvergne-Lauraguais', '小林さくら', 'pat', 'Rosa M.', 'dj_kebab']
function stir(): void {
  for (const room of state.rooms) {
    if (!room.crowd || room.state !== 'live' || !sockets.get(room.id)?.size) continue
    const name = crowd[Math.floor(Math.random() * crowd.length)]!
    const at = crowd.indexOf(name)
    const from = { id: `c-${name}`, name, kind: name === 'pat' ? 'guest' : 'person', ...(at < 3 && { badge: 3 - at, rank: at + 1 }) }
    if (Math.random() < 0.3) give(room, from, gifts[Math.floor(Math.random() ** 2 * 12)]!.code, randomUUID())
    else append(room, { type: 'said', id: randomUUID(), from, text: talk[Math.floor(Math.random() * talk.length)] })
    room.viewers = Math.max(1, room.viewers + Math.round(Math.random() * 6 - 3))
    tell(room, { v: 1, room: room.id, totals: { viewers: room.viewers } })
  }
}

/** Three who have given, and one goal under way, wherever there is a crowd. */
function board(room: MockRoom): object {
  if (!room.crowd) return { top: [], goals: [] }
  const top = crowd.slice(0, 3).map((name, i) => ({ id: `c-${name}`, name, value: 4_200 - i * 1_150 }))
  const goal = { id: randomUUID(), title: 'A new amp', kind: 'money', target: 50_000, so_far: 18_500, state: 'open', since: 0 }
  return { top, goals: [goal] }
}

function join(socket: WebSocket, room: MockRoom, who: string): void {
  const set = sockets.get(room.id) ?? new Set()
  sockets.set(room.id, set.add(socket))
  const me = meOf(who)
  if (room.crowd && room.log.length === 0) {
    for (let i = 0; i < 14; i++) {
      const name = crowd[i % crowd.length]!
      append(room, { type: 'said', id: randomUUID(), from: { id: `c-${name}`, name, kind: 'person', role: i === 5 ? 'host' : undefined }, text: talk[i % talk.length] })
    }
  }
  socket.send(JSON.stringify({ v: 1, room: room.id, epoch: 1, seq: room.seq, hello: { you: me.id ? speaker(who) : null, room: viewOf(room, who), stage: stageView(room.stage, me.id, viewOf(room, who).mine === true), board: board(room), chat: { slow_s: 0, followers_min: null, subscribers: false, guests: true, links: 'allowed' }, held: viewOf(room, who).mine === true ? [] : null, reset: false }, ev: room.log.slice(-60) }))
  let said: number[] = []
  socket.on('message', (raw) => {
    const command = JSON.parse(String(raw)) as { do: string; id: string; text: string; message: string }
    said = said.filter((at) => Date.now() - at < 10_000)
    if (command.do === 'say' && said.length >= 5) return socket.send(JSON.stringify({ v: 1, re: command.id, problem: problem(429, 'too_fast', 'slow down')[1] }))
    said.push(Date.now())
    if (command.do === 'say') append(room, { type: 'said', id: command.id, from: speaker(who, viewOf(room, who).mine === true), text: command.text })
    else append(room, { type: 'deleted', message: command.message, by: me.id })
    socket.send(JSON.stringify({ v: 1, re: command.id, ok: {} }))
  })
  socket.on('close', () => set.delete(socket))
}

export function mock(): Plugin {
  return {
    name: 'mock-server',
    configureServer(server) {
      const hub = new WebSocketServer({ noServer: true })
      server.httpServer?.on('upgrade', (request, socket, head) => {
        const id = /^\/ws\/rooms\/([^?]+)/.exec(request.url ?? '')?.[1]
        const room = state.rooms.find((each) => each.id === id)
        if (room) hub.handleUpgrade(request, socket, head, (ws) => join(ws, room, whoOf(request)))
      })
      setInterval(stir, 700)
      server.middlewares.use((request, answer, next) => {
        const url = new URL(request.url ?? '/', 'http://mock')
        const as = url.searchParams.get('as')
        if (as) answer.setHeader('set-cookie', `busk_mock=${as}; Path=/`)
        if (url.pathname === '/mock-checkout') return void answer.setHeader('content-type', 'text/html').end('<h1>Pretend checkout</h1>')
        if (url.pathname.startsWith('/replays/')) return media(url.pathname, request, answer)
        if (!url.pathname.startsWith('/api/v1/')) return next()
        let text = ''
        request.on('data', (part) => (text += String(part)))
        request.on('end', () => {
          const [status, body] = api(request.method!, url.pathname.slice(8) + url.search.replace(/[?&]as=\w+/, ''), text ? (JSON.parse(text) as Json) : {}, whoOf(request), answer)
          answer.statusCode = status
          answer.setHeader('content-type', status < 400 ? 'application/json' : 'application/problem+json')
          answer.end(status === 204 ? '' : JSON.stringify(body))
        })
      })
    },
  }
}
