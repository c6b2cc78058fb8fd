/// Three platforms in three states, to be looked at. What is done to them has no effect.
const created_at = '2026-03-04T20:00:00Z'
const target = (id: string, name: string, url: string, key_end: string) => ({ id, name, url, key_end, enabled: true, created_at })

export const restreamTargets = [
  target('r1', 'YouTube', 'rtmps://a.rtmps.youtube.com:443/live2', 'q3rt'),
  target('r2', 'Twitch', 'rtmps://ingest.global-contribute.live-video.net:443/app', 'efgh'),
  target('r3', 'Somewhere', 'rtmp://rtmp.example.com/live', ''),
]

export function restreaming() {
  const since = new Date().toISOString()
  const state = { since, retry_at: null as string | null, why: null as string | null, kbps: 0, pictures_sent: 0, pictures_dropped: 0 }
  return [
    { ...state, target: 'r1', name: 'YouTube', state: 'live', kbps: 2_480 + Math.round(Math.random() * 60), pictures_sent: 9_000, pictures_dropped: 240 },
    { ...state, target: 'r2', name: 'Twitch', state: 'refused', why: 'The other platform refuses the stream: invalid stream key' },
    { ...state, target: 'r3', name: 'Somewhere', state: 'retrying', retry_at: new Date(Date.now() + 5_000).toISOString(), why: 'The other platform cannot be reached.' },
  ]
}
