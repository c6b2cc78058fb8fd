/**
 * Watches a room whose camera draws the clock, in the site's own pages, and prints what came of it as one line of JSON:
 * `node src/latency.mjs URL HANDLE --joins N --whep SECONDS --hls SECONDS`. The bench `latency` starts it.
 */
import { parseArgs } from 'node:util'
import { openScreen, startBrowser } from './browser.mjs'
import { until } from './wait.mjs'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { joins: { type: 'string' }, whep: { type: 'string' }, hls: { type: 'string' } },
})
const [url, handle] = positionals
/** A player that has just begun is still looking for its place. */
const settleMs = 10_000
/** Of what may explain a stall, so much is told. */
const remarksMax = 60
/** Longer than a playlist is ever waited for while a live goes on. */
const slowMs = 1_500
const full = { status: 503, headers: { 'retry-after': '600' }, contentType: 'application/problem+json', body: '{"type":"/problems/full"}' }

const browser = await startBrowser()
try {
  const joins = []
  const realTime = await openViewer('real time')
  for (let turn = 0; turn < Number(values.joins); turn += 1) {
    await realTime.page.goto('about:blank')
    joins.push(await firstFrame(realTime))
  }
  const whep = await watch(realTime, Number(values.whep))
  await realTime.context.close()

  const stable = await openViewer('stable')
  await stable.context.route('**/whep/*', (route) => route.fulfill(full))
  await firstFrame(stable)
  const hls = await watch(stable, Number(values.hls))
  console.log(JSON.stringify({ joins, whep, hls }))
} finally {
  await browser.close()
}

async function openViewer(name) {
  const screen = await openScreen(browser, { url }, { name })
  await screen.context.addInitScript(install)
  return screen
}

/** Milliseconds from the page's request for WHEP to the first frame that is presented; null without such a request. */
async function firstFrame(screen) {
  await screen.page.goto(`/@${handle}`)
  const seen = () => screen.page.evaluate(() => ({ posted: window.bench.posted, first: window.bench.first }))
  const { posted, first } = await until(`a frame in ${screen.name}`, seen, (it) => it.first !== null, { ms: 30_000, every: 50 })
  return posted === null ? null : first - posted
}

/** Reads the clock for so many seconds. What went wrong meanwhile is told in order, by seconds since the beginning. */
async function watch(screen, seconds) {
  const { page } = screen
  await page.waitForTimeout(settleMs)
  await page.evaluate(() => window.bench.begin())
  const begun = Date.now()
  const remarks = []
  const remark = (atMs, text) => remarks.push([(atMs - begun) / 1000, text])
  const answered = async (request) => {
    const { startTime, responseEnd } = request.timing()
    const status = (await request.response().catch(() => null))?.status() ?? request.failure()?.errorText
    if (status !== 200 || responseEnd > slowMs) remark(startTime, `${status} after ${Math.round(responseEnd)} ms: ${request.url().replace(url, '')}`)
  }
  page.on('requestfinished', answered).on('requestfailed', answered)
  await page.waitForTimeout(seconds * 1000)
  page.off('requestfinished', answered).off('requestfailed', answered)
  const { stalled, ...seen } = await page.evaluate(() => window.bench.end())
  for (const { atMs, text } of stalled) remark(atMs, text)
  const ordered = remarks.sort(([a], [b]) => a - b).slice(0, remarksMax)
  return { ...seen, remarks: ordered.map(([at, text]) => `${at.toFixed(1)} s: ${text}`) }
}

/** In the page, before anything of it. */
function install() {
  const bench = { posted: null, first: null, begin, end }
  window.bench = bench
  const everyMs = 250
  const stalledMs = 500
  let video = null
  let seen = null
  let readAt = 0

  const asked = window.fetch
  window.fetch = (input, init) => {
    if (init?.method === 'POST' && String(input).includes('/whep/')) bench.posted ??= performance.now()
    return asked(input, init)
  }
  document.addEventListener('loadstart', ({ target }) => target !== video && target.dataset?.testid === 'video' && follow(target), true)

  function follow(element) {
    video = element
    const frame = () => {
      element.requestVideoFrameCallback(frame)
      // Chromium makes a black frame of 2 × 2 out of a connection that ends.
      if (element.videoWidth <= 2) return
      const now = performance.now()
      bench.first ??= now
      if (!seen || now - readAt < everyMs) return
      readAt = now
      const wallMs = Date.now()
      const clock = read(element)
      if (clock === null) seen.unread += 1
      else seen.ms.push((wallMs % 2 ** 32) - clock)
    }
    element.requestVideoFrameCallback(frame)
    element.addEventListener('waiting', () => stall())
  }

  function begin() {
    const { droppedVideoFrames, totalVideoFrames } = video.getVideoPlaybackQuality()
    seen = { ms: [], unread: 0, stalls: 0, stalled: [], dropped: -droppedVideoFrames, frames: -totalVideoFrames, height: 0, hls: !video.srcObject }
    seen.timer = setInterval(look, 100)
  }

  function end() {
    clearInterval(seen.timer)
    const { droppedVideoFrames, totalVideoFrames } = video.getVideoPlaybackQuality()
    seen.dropped += droppedVideoFrames
    seen.frames += totalVideoFrames
    seen.height = video.videoHeight
    return seen
  }

  /** A stall lasts until the time goes on, however it shows. */
  let moved = { at: 0, time: -1 }
  let stalled = false
  /** When the page was last given the processor. */
  let lookedAt = 0
  function stall() {
    if (seen && !stalled) {
      seen.stalls += 1
      const { buffered, currentTime, readyState } = video
      const ahead = buffered.length ? buffered.end(buffered.length - 1) - currentTime : 0
      const text = `a stall at ${currentTime.toFixed(2)}, ${ahead.toFixed(2)} s buffered ahead, ready state ${readyState}, the page looked ${Math.round(performance.now() - lookedAt)} ms ago`
      seen.stalled.push({ atMs: Date.now(), text })
    }
    stalled = true
  }
  function look() {
    const now = performance.now()
    if (seen && lookedAt && now - lookedAt > stalledMs) seen.stalled.push({ atMs: Date.now(), text: `the page did not run for ${Math.round(now - lookedAt)} ms` })
    lookedAt = now
    if (video.currentTime !== moved.time) {
      if (now - moved.at > stalledMs && moved.time >= 0) stall()
      moved = { at: now, time: video.currentTime }
      stalled = false
    } else if (now - moved.at > stalledMs) stall()
  }

  /** The strip of `crates/camera/src/picture/strip.rs`: four guide blocks, 32 of the clock, 8 of a CRC. */
  function read({ videoWidth: width, videoHeight: height }) {
    const [blocks, wide] = [44, 8]
    const rows = Math.max(4, Math.floor(height / 45)) & ~1
    const canvas = (read.canvas ??= Object.assign(document.createElement('canvas'), { width: blocks * wide, height: 2 }))
    const context = (read.context ??= canvas.getContext('2d', { willReadFrequently: true }))
    context.drawImage(video, 0, height - (rows * 3) / 4, width, rows / 2, 0, 0, canvas.width, canvas.height)
    const { data } = context.getImageData(0, 0, canvas.width, canvas.height)
    const level = (block) => {
      let sum = 0
      for (let x = block * wide + 2; x < (block + 1) * wide - 2; x += 1) sum += data[x * 4] + data[x * 4 + 1] + data[x * 4 + 2]
      return sum
    }
    const levels = Array.from({ length: blocks }, (_, block) => level(block))
    const [light, dark] = [Math.min(levels[0], levels[2]), Math.max(levels[1], levels[3])]
    if (light <= dark) return null
    const bits = levels.map((one) => (one > (light + dark) / 2 ? 1 : 0))
    const number = (from, count) => bits.slice(from, from + count).reduce((value, bit) => value * 2 + bit, 0)
    const clock = number(4, 32)
    let crc = 0xff
    for (const shift of [24, 16, 8, 0]) {
      crc ^= (clock >>> shift) & 0xff
      for (let bit = 0; bit < 8; bit += 1) crc = crc & 0x80 ? ((crc << 1) ^ 0x07) & 0xff : crc << 1
    }
    return crc === number(36, 8) ? clock : null
  }
}
