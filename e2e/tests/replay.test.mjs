/**
 * A live leaves a replay: only its host sees it at first; made public, anybody sees the picture move and the chat come
 * in its time, jumps in it, shares a moment of it, and the host takes it away as a file.
 */
import assert from 'node:assert/strict'
import { after, before, describe } from 'node:test'
import { openScreen, startBrowser } from '../src/browser.mjs'
import { startBusk } from '../src/busk.mjs'
import { goLive, hears, say, signUp } from '../src/people.mjs'
import { steps } from '../src/steps.mjs'
import { until } from '../src/wait.mjs'

describe('a replay', { concurrency: 1 }, () => {
  let busk, browser, host, viewer, room
  const step = steps('replay', () => ({ screens: [host, viewer], busk }))

  before(async () => {
    busk = await startBusk()
    browser = await startBrowser()
    host = await openScreen(browser, busk, { name: 'host' })
    viewer = await openScreen(browser, busk, { name: 'viewer', width: 1280, height: 800 })
  })
  after(async () => {
    await browser?.close()
    await busk?.remove()
  })

  step('a host is live, says something early and something late, and ends', async () => {
    await signUp(host, { handle: 'mira', name: 'Mira Vale' })
    await goLive(host, 'mira')
    room = (await (await host.context.request.get('/api/v1/channels/mira')).json()).room.id
    await viewer.page.goto('/@mira')
    await until('a picture', () => decoded(viewer, 'video'), (frames) => frames > 0)
    await say(host, 'good evening')
    await hears(viewer, 'good evening')
    await host.page.waitForTimeout(10_000)
    await say(host, 'one more song')
    await hears(viewer, 'one more song')
    await host.page.waitForTimeout(3_000)
    await host.id('end-live').click()
    await host.id('end-confirm').click()
    await host.id('summary').waitFor()
  })

  step('the replay is the host’s alone', async () => {
    await host.id('replay-download').waitFor()
    const mine = await replay(host)
    assert.deepEqual([mine.mine, mine.visibility, mine.recording], [true, 'private', false])
    assert.ok(mine.duration_ms > 10_000 && mine.bytes > 0, JSON.stringify(mine))
    const refused = await viewer.context.request.get(`/api/v1/rooms/${room}/replay`)
    assert.deepEqual([refused.status(), (await refused.json()).type.split('/').at(-1)], [404, 'replay_unknown'])
    for (const name of ['index.m3u8', 'replay.mp4', 'clip.mp4?from_ms=0&to_ms=2000']) {
      assert.equal((await viewer.context.request.get(`/replays/${room}/${name}`)).status(), 404, name)
    }
  })

  step('made public, it can be seen by anybody', async () => {
    await host.id('replay-public').click()
    await until('everyone may see it', () => replay(viewer), (seen) => seen?.visibility === 'public')
    assert.equal((await replay(viewer)).mine, false)
    const list = await (await viewer.context.request.get('/api/v1/channels/mira/replays')).json()
    assert.deepEqual(list.items.map((each) => each.room), [room])
  })

  step('the picture moves, and what was said comes in its time', async () => {
    await viewer.page.goto(`/r/${room}`)
    await playing(viewer)
    await until('the picture moves', () => decoded(viewer, 'replay-video'), (frames) => frames > 30)
    await hears(viewer, 'good evening')
    assert.ok((await at(viewer)) < 9, 'not looked too late')
    assert.equal(await viewer.id('chat-message').filter({ hasText: 'one more song' }).count(), 0, 'what comes later is not told yet')
    await until('what comes later', () => viewer.id('chat-message').filter({ hasText: 'one more song' }).count(), (lines) => lines === 1)
  })

  step('jumping goes back in the chat too', async () => {
    const lines = () => viewer.id('chat-message').count()
    await viewer.id('seek').focus()
    for (let i = 0; i < 3; i += 1) await viewer.page.keyboard.press('ArrowLeft')
    await until('the beginning', () => at(viewer), (seconds) => seconds < 6)
    await until('the later line is gone', () => viewer.id('chat-message').filter({ hasText: 'one more song' }).count(), (left) => left === 0)
    // What had come to its end stands still after a jump.
    await playing(viewer)
    await viewer.page.keyboard.press('ArrowRight')
    await until('both lines', lines, (seen) => seen === 2)
  })

  step('a link leads to a moment of it', async () => {
    await viewer.page.goto(`/r/${room}?t=8`)
    await playing(viewer)
    const seconds = await until('that moment', () => at(viewer), (now) => now >= 7.5)
    assert.ok(seconds < 14, `at ${seconds} s`)
    await hears(viewer, 'good evening')
  })

  step('it is offered on the channel’s page', async () => {
    await viewer.page.goto('/@mira')
    await viewer.id('replay-card').waitFor()
    assert.equal(await viewer.id('replay-card').first().getAttribute('href'), `/r/${room}`)
  })

  step('it can be taken away as a file, whole or a part', async () => {
    const first = await viewer.context.request.get(`/replays/${room}/replay.mp4`, { headers: { range: 'bytes=0-15' } })
    assert.equal(first.status(), 206)
    const bytes = await first.body()
    assert.equal(bytes.length, 16)
    assert.equal(bytes.toString('latin1', 4, 8), 'ftyp')
    const clip = await viewer.context.request.get(`/replays/${room}/clip.mp4?from_ms=2000&to_ms=5000`)
    assert.equal(clip.status(), 200)
    const part = await clip.body()
    assert.equal(part.toString('latin1', 4, 8), 'ftyp')
    assert.ok(part.length < (await replay(viewer)).bytes)
  })

  step('the host cuts a clip in the studio', async () => {
    await host.id('replay-clip').click()
    await host.id('clip-from').fill('0:02')
    await host.id('clip-to').fill('0:06')
    assert.equal(await host.id('clip-save').getAttribute('href'), `/replays/${room}/clip.mp4?from_ms=2000&to_ms=6000`)
    await host.id('clip-to').fill('0:01')
    await until('a refusal', () => host.id('clip-save').count(), (links) => links === 0)
    await host.page.keyboard.press('Escape')
  })

  step('deleted, it is gone for everyone', async () => {
    assert.deepEqual([...host.faults, ...viewer.faults], [])
    await host.id('replay-delete').click()
    await host.id('replay-delete-confirm').click()
    await until('the list is empty', () => host.id('replay-row').count(), (rows) => rows === 0)
    assert.equal((await viewer.context.request.get(`/api/v1/rooms/${room}/replay`)).status(), 404)
    await viewer.page.goto(`/r/${room}`)
    await viewer.page.getByText('That’s a wrap').waitFor()
  })

  const replay = async (screen) => {
    const answer = await screen.context.request.get(`/api/v1/rooms/${room}/replay`)
    return answer.ok() ? answer.json() : null
  }
  /** A browser may want a click before it makes a sound. */
  const playing = async (screen) => {
    const video = screen.id('replay-video')
    await until('something to play', () => video.evaluate((it) => it.readyState), (state) => state >= 3)
    await until('it plays', async () => {
      const big = screen.id('replay-play')
      if (await big.count()) await big.click({ timeout: 1_000 }).catch(() => undefined)
      return video.evaluate((it) => !it.paused)
    }, (yes) => yes, { every: 500 })
  }
  const at = (screen) => screen.id('replay-video').evaluate((video) => video.currentTime)
  const decoded = (screen, testid) => screen.id(testid).first().evaluate((video) => video.getVideoPlaybackQuality().totalVideoFrames)
})
