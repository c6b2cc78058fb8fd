/// Pretend replays: one moving picture, made once with ffmpeg, and a log that fits it.
import { execFileSync } from 'node:child_process'
import { createReadStream, existsSync, mkdirSync, statSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'

type Json = Record<string, unknown>
const folder = new URL('../../node_modules/.busk-mock-replay/', import.meta.url)
const seconds = 96
const kinds: Record<string, string> = { m3u8: 'application/vnd.apple.mpegurl', mp4: 'video/mp4', m4s: 'video/iso.segment' }

function made(): boolean {
  if (existsSync(new URL('index.m3u8', folder))) return true
  mkdirSync(folder, { recursive: true })
  const at = (name: string) => new URL(name, folder).pathname
  const run = (...args: string[]) => execFileSync('ffmpeg', ['-v', 'error', '-y', ...args], { cwd: at('.') })
  const encode = ['-t', String(seconds), '-c:v', 'libx264', '-preset', 'ultrafast', '-g', '60', '-pix_fmt', 'yuv420p', '-c:a', 'aac']
  try {
    run('-f', 'lavfi', '-i', 'testsrc2=s=640x360:r=30', '-f', 'lavfi', '-i', 'sine=f=330:b=2', ...encode, '-movflags', '+faststart', 'replay.mp4')
    run('-i', 'replay.mp4', '-map', '0:v', '-map', '0:a', '-c', 'copy', '-f', 'hls', '-hls_time', '4', '-hls_playlist_type', 'vod', '-hls_segment_type', 'fmp4', '-hls_fmp4_init_filename', 'init_%v.mp4', '-var_stream_map', 'a:0,agroup:sound,default:yes v:0,agroup:sound', '-master_pl_name', 'index.m3u8', 'stream_%v.m3u8')
  } catch {
    return false
  }
  return existsSync(new URL('index.m3u8', folder))
}

/** /replays/{room}/… */
export function media(path: string, request: IncomingMessage, answer: ServerResponse): void {
  const name = /^\/replays\/[^/]+\/([\w.]+)$/.exec(path)?.[1] ?? ''
  const file = new URL(name === 'clip.mp4' ? 'replay.mp4' : name, folder)
  if (!made() || !existsSync(file)) return void answer.writeHead(404).end()
  const { size } = statSync(file)
  const range = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '')
  const from = Number(range?.[1] ?? 0)
  const to = Math.min(size - 1, Number(range?.[2] || size - 1))
  answer.writeHead(range ? 206 : 200, {
    'content-type': kinds[name.split('.').at(-1)!] ?? 'application/octet-stream',
    'content-length': to - from + 1,
    'accept-ranges': 'bytes',
    ...(range ? { 'content-range': `bytes ${from}-${to}/${size}` } : {}),
  })
  createReadStream(file, { start: from, end: to }).pipe(answer)
}

const gone = new Set<string>()
const visible = new Map<string, string>([['past-1', 'public'], ['past-2', 'public'], ['past-3', 'private']])
const titles = ['Rooftop soul, the long evening', 'Tram stop sessions with a very long title that needs two lines at the very least', 'Soundcheck']
const dated = (days: number) => new Date(Date.now() - days * 864e5).toISOString()

export function replayOf(id: string, channel: Json, mine: boolean, title?: string): Json | null {
  const i = Number(id.replace('past-', '')) - 1
  if (gone.has(id) || (!mine && visible.get(id) !== 'public')) return null
  return { room: id, title: title ?? titles[i] ?? 'A live', channel, recording: false, visibility: visible.get(id) ?? 'private', begun_at: dated(title ? 0 : i * 6 + 1), duration_ms: seconds * 1000, bytes: 84_000_000 + 700_000_000 * Math.max(0, i), mine }
}
export const replaysOf = (channel: Json, mine: boolean, ended: { id: string; title: string }[]): Json[] =>
  [...ended.map(({ id, title }) => replayOf(id, channel, mine, title)), ...['past-1', 'past-2', 'past-3'].map((id) => replayOf(id, channel, mine))].filter((each) => each !== null)
export const reveal = (id: string, visibility: unknown): unknown => visible.set(id, String(visibility))
export const drop = (id: string): unknown => gone.add(id)

const names = ['Imani', 'Théo', 'Jules de la Tour d’Auvergne-Lauraguais', '小林さくら', 'Rosa M.']
const talk = ['What a start!', 'Quelle voix, bravo !', 'Where is this corner? I want to come by', 'second verse is the best verse', '👏👏👏', 'Can you play the one about the bridge?']
export function logPage(after: number): Json {
  const all = Array.from({ length: 260 }, (_, i): Json => {
    const from = { id: `c-${i % 5}`, name: names[i % 5], kind: 'person' }
    const base = { n: i + 1, at: dated(1) }
    const event = i % 7 === 6
      ? { ...base, type: 'gift', id: `g-${i}`, from, kind: i % 49 === 48 ? 'guitar' : 'rose', count: 1, price: 5, total: 5, streak: { id: `s-${Math.floor(i / 21)}`, count: (Math.floor(i / 7) % 3) + 1 } }
      : { ...base, type: 'said', id: `m-${i}`, from, text: talk[i % talk.length] }
    return { position_ms: Math.round((i * seconds * 1000) / 260), event }
  })
  const items = all.slice(after, after + 200)
  return { items, next: after + 200 < all.length ? after + 200 : null }
}
