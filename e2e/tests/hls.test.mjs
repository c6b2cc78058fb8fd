/** Who cannot have WebRTC watches by LL-HLS, in the same page, without doing anything for it. */
import { after, before, describe, test } from 'node:test'
import { decodedFrames, openScreen, photograph, startBrowser } from '../src/browser.mjs'
import { startBusk } from '../src/busk.mjs'
import { goLive, signUp } from '../src/people.mjs'
import { until } from '../src/wait.mjs'

describe('the stable way', { concurrency: 1 }, () => {
  let busk, browser, creator, viewer

  before(async () => {
    busk = await startBusk()
    browser = await startBrowser()
    creator = await openScreen(browser, busk, { name: 'creator' })
    viewer = await openScreen(browser, busk, { name: 'viewer', width: 390, height: 844, phone: true })
    await signUp(creator, { handle: 'mira', name: 'Mira Vale' })
    await goLive(creator, 'mira')
  })
  after(async () => {
    await photograph([viewer], 'hls')
    await browser?.close()
    await busk?.remove()
  })

  test('a viewer whom real time has no place for sees pictures that move, and hears', async () => {
    const full = { status: 503, headers: { 'retry-after': '30' }, contentType: 'application/problem+json', body: '{"type":"/problems/full"}' }
    await viewer.context.route('**/whep/*', (route) => route.fulfill(full))
    await viewer.page.goto('/@mira')
    const first = await until('decoded frames', () => decodedFrames(viewer), (frames) => frames > 0)
    await until('more frames', () => decodedFrames(viewer), (frames) => frames >= first + 30)
    const sound = () => viewer.id('video').first().evaluate((video) => video.webkitAudioDecodedByteCount)
    await until('sound that is decoded', sound, (bytes) => bytes > 0)
  })
})
