/**
 * A stage of two: a viewer looks at themselves, asks and is let in, a third sees both move side by side. The host
 * mutes the guest, changes the layout and takes them off; and whom the host has blocked is not let in at all.
 */
import assert from 'node:assert/strict'
import { after, before, describe } from 'node:test'
import { openScreen, startBrowser } from '../src/browser.mjs'
import { startBusk } from '../src/busk.mjs'
import { goLive, signUp } from '../src/people.mjs'
import { steps } from '../src/steps.mjs'
import { until } from '../src/wait.mjs'

describe('a stage', { concurrency: 1 }, () => {
  let busk, browser, host, guest, viewer, eve
  const step = steps('stage', () => ({ screens: [host, guest, viewer, eve], busk }))

  before(async () => {
    busk = await startBusk()
    browser = await startBrowser()
    host = await openScreen(browser, busk, { name: 'host' })
    guest = await openScreen(browser, busk, { name: 'guest', width: 390, height: 844, phone: true })
    viewer = await openScreen(browser, busk, { name: 'viewer', width: 1280, height: 800 })
    eve = await openScreen(browser, busk, { name: 'eve' })
  })
  after(async () => {
    await browser?.close()
    await busk?.remove()
  })

  step('a host is live, with nobody beside them', async () => {
    await signUp(host, { handle: 'mira', name: 'Mira Vale' })
    await signUp(guest, { handle: 'gus', name: 'Gus Ode' })
    await signUp(eve, { handle: 'eve', name: 'Eve Nope' })
    await goLive(host, 'mira')
    await viewer.page.goto('/@mira')
    await until('the host’s picture', () => frames(viewer, 'video'), (seen) => seen > 15)
    assert.equal(await viewer.id('tile').count(), 0)
  })

  step('a viewer looks at themselves, and asks', async () => {
    await guest.page.addInitScript(() => {
      globalThis.cameras = []
      const open = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices)
      navigator.mediaDevices.getUserMedia = async (wanted) => {
        const stream = await open(wanted)
        globalThis.cameras.push(...stream.getTracks())
        return stream
      }
    })
    await guest.page.goto('/@mira')
    await guest.id('ask-to-join').click()
    await until('a look at oneself', () => frames(guest, 'self-view'), (seen) => seen > 5)
    assert.equal(await host.id('stage-asker').count(), 0, 'looking is not asking')
    await guest.id('stage-ask').click()
    await guest.page.locator('[data-testid=backstage][data-standing=asked]').waitFor()
    await host.id('stage-asker').filter({ hasText: 'Gus Ode' }).waitFor()
  })

  step('the host lets them in, and a third sees both move side by side', async () => {
    await host.id('stage-admit').click()
    await guest.id('stage-leave').waitFor()
    await viewer.id('tile').nth(1).waitFor()
    const moves = async () => [await frames(viewer, 'video'), await frames(viewer, 'tile-video')]
    const before = await until('two pictures', moves, ([a, b]) => a > 0 && b > 5)
    await until('both go on', moves, ([a, b]) => a > before[0] + 20 && b > before[1] + 20)
    const [left, right] = [await box(viewer, 'video'), await box(viewer, 'tile-video')]
    assert.ok(left.x + left.width <= right.x + 1 && Math.abs(left.y - right.y) < 2, `side by side: ${JSON.stringify([left, right])}`)
    assert.ok(Math.abs(left.width - right.width) < 2, 'and as wide')
    assert.equal(await frameless(viewer), 0)
  })

  step('host and guest see and hear each other, and themselves only from their own camera', async () => {
    const hears = (screen) => screen.id('tile-video').first().evaluate((video) => !video.muted && !video.paused && video.srcObject.getAudioTracks()[0].readyState === 'live')
    await until('the guest at the host’s', () => frames(host, 'tile-video'), (seen) => seen > 15)
    assert.ok(await hears(host))
    assert.equal(await host.id('tile-video').count(), 1)
    await until('the host at the guest’s', () => frames(guest, 'video'), (seen) => seen > 15)
    assert.equal(await guest.id('video').evaluate((video) => video.muted), false, 'who is on stage hears it')
    assert.equal(await guest.id('tile-video').count(), 0)
    await until('the guest’s own tile', () => frames(guest, 'self-view'), (seen) => seen > 15)
  })

  step('the host mutes the guest, who alone may speak again', async () => {
    await host.id('guest-mute').click()
    await viewer.id('tile-muted').waitFor()
    assert.ok(await host.id('guest-mute').isDisabled())
    await until('the guest knows', () => guest.id('stage-mute').getAttribute('aria-pressed'), (pressed) => pressed === 'true')
    await guest.id('stage-mute').click()
    await until('the mark is gone', () => viewer.id('tile-muted').count(), (marks) => marks === 0)
  })

  step('a guest’s camera that is off is a face', async () => {
    await guest.id('stage-hide').click()
    await viewer.id('tile-face').waitFor()
    await guest.id('stage-hide').click()
    await until('the picture is back', () => viewer.id('tile-face').count(), (faces) => faces === 0)
  })

  step('the layout changes without a new player', async () => {
    await viewer.page.evaluate(() => document.querySelectorAll('video').forEach((video) => (video.dataset.kept = 'yes')))
    await host.id('layout-spotlight').click()
    const sizes = async () => [(await box(viewer, 'video')).width, (await box(viewer, 'tile-video')).width]
    await until('the host large, the guest small', sizes, ([a, b]) => a > b * 1.5)
    await host.page.locator('[data-testid=tile][data-seat="1"] button').click()
    await until('the guest large, the host small', sizes, ([a, b]) => b > a * 1.5)
    assert.equal(await viewer.page.locator('video[data-kept=yes]').count(), 2)
  })

  step('a reload brings the guest back by one button', async () => {
    await guest.page.reload()
    await guest.id('stage-back').click()
    const seen = await frames(viewer, 'tile-video')
    await until('the guest’s picture goes on', () => frames(viewer, 'tile-video'), (now) => now > seen + 20)
  })

  step('the host takes the guest off: the tile goes, and the camera with it', async () => {
    await host.id('guest-remove').click()
    await host.id('stage-confirm').click()
    await until('one alone', () => viewer.id('tile').count(), (tiles) => tiles === 0)
    await guest.page.getByText('The host has taken you off the stage').waitFor()
    assert.equal(await guest.id('backstage').count(), 0)
    await until('the camera is off', () => filming(guest), (tracks) => tracks === 0)
    const whole = await box(viewer, 'video')
    assert.ok(whole.width > 800, `the host has the whole picture again: ${JSON.stringify(whole)}`)
    const still = await frames(viewer, 'video')
    await until('the host goes on', () => frames(viewer, 'video'), (now) => now > still + 20)
  })

  step('a person is invited by handle, declines, and is invited again and joins', async () => {
    const invite = async () => {
      await host.id('invite-handle').fill('gus')
      await host.id('invite-send').click()
    }
    await invite()
    await guest.id('stage-decline').click()
    await until('nothing is open', () => guest.id('stage-panel').count(), (panels) => panels === 0)
    await invite()
    await until('a look', () => frames(guest, 'self-view'), (seen) => seen > 5)
    await guest.id('stage-join').click()
    await until('the guest again', () => frames(viewer, 'tile-video'), (seen) => seen > 10)
    await guest.id('stage-leave').click()
    await until('one alone', () => viewer.id('tile').count(), (tiles) => tiles === 0)
    await until('the camera is off', () => filming(guest), (tracks) => tracks === 0)
  })

  step('somebody without an account asks under a name, and is dismissed', async () => {
    await viewer.id('ask-to-join').click()
    await viewer.id('stage-name').fill('Passer-by')
    await viewer.id('stage-ask').click()
    await host.id('stage-asker').filter({ hasText: 'Passer-by' }).waitFor()
    await host.id('stage-dismiss').click()
    await viewer.page.getByText('Not this time').waitFor()
    assert.deepEqual([await viewer.id('backstage').count(), await viewer.id('self-view').count()], [0, 0])
  })

  step('whom the host blocks is out at once, and refused from then on', async () => {
    await eve.page.goto('/@mira')
    await until('a picture', () => frames(eve, 'video'), (seen) => seen > 0)
    const me = await host.context.newPage()
    await me.goto('/me')
    await me.getByTestId('block-handle').fill('eve')
    await me.getByTestId('block').click()
    await me.getByTestId('blocked').filter({ hasText: 'Eve Nope' }).waitFor()
    await eve.id('shut').waitFor()
    const { id } = (await (await eve.context.request.get('/api/v1/channels/mira')).json()).room
    const refused = await eve.context.request.post(`/api/v1/rooms/${id}/stage/ask`, { data: {}, headers: { origin: busk.url } })
    assert.deepEqual([refused.status(), (await refused.json()).type.split('/').at(-1)], [403, 'blocked'])
    await me.getByTestId('unblock').click()
    await until('nobody is blocked', () => me.getByTestId('blocked').count(), (rows) => rows === 0)
    await eve.page.reload()
    await until('a picture again', () => frames(eve, 'video'), (seen) => seen > 0)
  })

  step('the end of the live is the end of a guest’s camera too', async () => {
    await guest.id('ask-to-join').click()
    await guest.id('stage-ask').click()
    await host.id('stage-admit').click()
    await until('the guest', () => frames(viewer, 'tile-video'), (seen) => seen > 10)
    assert.equal(await filming(guest), 2)
    await host.id('end-live').click()
    await host.id('end-confirm').click()
    await until('the curtain', () => guest.id('video').count(), (players) => players === 0)
    await until('the camera is off', () => filming(guest), (tracks) => tracks === 0)
    assert.deepEqual([...host.faults, ...guest.faults, ...viewer.faults], [])
  })

  /** Cameras and microphones that this page holds. */
  const filming = (screen) => screen.page.evaluate(() => globalThis.cameras.filter((track) => track.readyState === 'live').length)
  const frames = async (screen, testid) => {
    const video = screen.id(testid).first()
    return (await video.count()) === 0 ? 0 : video.evaluate((video) => video.getVideoPlaybackQuality().totalVideoFrames)
  }
  const box = (screen, testid) => screen.id(testid).first().boundingBox()
  /** Tiles that show a face instead of a picture. */
  const frameless = (screen) => screen.id('tile-face').count()
})
