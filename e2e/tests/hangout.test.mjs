/**
 * A hangout of three browsers: one starts it, one comes by its link without an account, a third stands before the lock.
 * All see each other move; the host removes one; a no keeps it private, and with every yes it is a live.
 */
import assert from 'node:assert/strict'
import { after, before, describe } from 'node:test'
import { openScreen, startBrowser } from '../src/browser.mjs'
import { startBusk } from '../src/busk.mjs'
import { hears, say, signUp } from '../src/people.mjs'
import { steps } from '../src/steps.mjs'
import { until } from '../src/wait.mjs'

describe('a hangout', { concurrency: 1 }, () => {
  let busk, browser, host, guest, third, stranger, link
  const step = steps('hangout', () => ({ screens: [host, guest, third, stranger], busk }))

  before(async () => {
    busk = await startBusk()
    browser = await startBrowser()
    host = await openScreen(browser, busk, { name: 'host' })
    guest = await openScreen(browser, busk, { name: 'guest', width: 390, height: 844, phone: true })
    third = await openScreen(browser, busk, { name: 'third', width: 1280, height: 800 })
    stranger = await openScreen(browser, busk, { name: 'stranger' })
  })
  after(async () => {
    await browser?.close()
    await busk?.remove()
  })

  step('a signed-in person starts one and has its link', async () => {
    await signUp(host, { handle: 'mira', name: 'Mira Vale' })
    await host.page.goto('/')
    await host.id('start-hangout').click()
    await host.page.waitForURL(/\/h\/[0-9a-f-]+#[\w-]{43}$/)
    await until('a look at oneself', () => frames(host, 'self-view'), (seen) => seen > 5)
    await host.id('door-join').click()
    await host.id('hangout').waitFor()
    await host.id('hangout-invite').click()
    link = await host.id('hangout-link').inputValue()
    assert.equal(link, host.page.url())
    await host.page.keyboard.press('Escape')
    await until('the host is on camera', () => tiles(host), (tiles) => tiles === 1)
  })

  step('somebody without an account comes by the link, and both see each other move', async () => {
    await follow(guest, 'Gus')
    await until('two tiles', async () => [await tiles(host), await tiles(guest)], (seen) => seen.every((tiles) => tiles === 2))
    await bothMove(host, guest)
    assert.equal(await mirrored(guest), true, 'one sees oneself as in a mirror')
    await guest.id('hangout-chat').click()
    await say(guest, 'hello from the phone')
    await host.id('hangout-chat').click()
    await hears(host, 'hello from the phone')
    await guest.id('hangout-chat-close').click()
  })

  step('for everybody else there is nothing', async () => {
    const room = new URL(link).pathname.split('/').at(-1)
    await stranger.page.goto('/')
    assert.equal(await stranger.id('room-card').count(), 0)
    for (const path of [`/api/v1/rooms/${room}`, `/api/v1/rooms/${room}/events`, `/hls/${room}/index.m3u8`]) {
      assert.equal((await stranger.context.request.get(path)).status(), 404, path)
    }
    await stranger.page.goto(`/h/${room}#${'x'.repeat(43)}`)
    await stranger.page.locator('[data-testid=hangout-gone][data-by=unknown]').waitFor()
    await stranger.page.goto(`/r/${room}`)
    await stranger.page.getByText('There is no such').or(stranger.page.getByRole('heading')).first().waitFor()
    assert.equal(await stranger.id('video').count(), 0)
  })

  step('locked, it refuses the third; unlocked, the third is in', async () => {
    await host.id('hangout-host').click()
    await host.id('hangout-lock').click()
    await host.id('hangout-locked').waitFor()
    await third.page.goto(link)
    await third.id('door-locked').waitFor()
    assert.equal(await third.id('door-join').isDisabled(), true)
    await host.id('hangout-host').click()
    await host.id('hangout-lock').click()
    await until('no lock', () => third.id('door-locked').count(), (locks) => locks === 0)
    await join(third, 'Tess')
    await until('three tiles', async () => [await tiles(host), await tiles(guest), await tiles(third)], (seen) => seen.every((tiles) => tiles === 3))
    await bothMove(host, guest)
    await allMove(third, 2)
  })

  step('the host mutes one, and removes them for good', async () => {
    const manage = () => host.page.getByRole('button', { name: 'Mute or remove Tess' })
    await manage().click()
    await host.id('manage-mute').click()
    await third.page.getByText('The host has muted you.').waitFor()
    await manage().click()
    await host.id('manage-remove').click()
    await third.page.locator('[data-testid=hangout-gone][data-by=removed]').waitFor()
    await until('two again', () => tiles(guest), (tiles) => tiles === 2)
    await third.page.reload()
    await third.page.locator('[data-testid=hangout-gone][data-by=removed]').waitFor()
  })

  step('one leaves, and comes again', async () => {
    await guest.id('hangout-leave').click()
    await guest.page.locator('[data-testid=hangout-gone][data-by=left]').waitFor()
    await until('the host alone', () => tiles(host), (tiles) => tiles === 1)
    await guest.id('hangout-again').click()
    await guest.id('door-join').click()
    await until('two again', async () => [await tiles(host), await tiles(guest)], (seen) => seen.every((tiles) => tiles === 2))
    await bothMove(host, guest)
  })

  step('one no keeps it private', async () => {
    await askLive()
    await guest.id('live-no').click()
    await host.page.getByText('Not everybody wants to go live').waitFor()
    assert.equal(await state(host), 'hangout')
  })

  step('with every yes it is a live, and what was said before is not in it', async () => {
    await askLive()
    await host.page.getByText('1 of 2 have said yes').waitFor()
    await guest.id('live-yes').click()
    await until('live', async () => [await state(host), await state(guest)], (seen) => seen.every((state) => state === 'live'))
    await stranger.page.goto('/@mira')
    await until('both in the audience', async () => [await frames(stranger, 'video'), await frames(stranger, 'tile-video')], ([a, b]) => a > 15 && b > 15)
    assert.equal(await stranger.page.getByText('hello from the phone').count(), 0)
    await third.page.goto('/')
    await third.id('room-card').first().waitFor()
  })

  step('the host ends it for all', async () => {
    await host.id('hangout-leave').click()
    await host.id('hangout-end-confirm').click()
    await host.page.locator('[data-testid=hangout-gone][data-by=over]').waitFor()
    await guest.page.locator('[data-testid=hangout-gone][data-by=over]').waitFor()
    // The strangers' refusals stand in their own consoles.
    assert.deepEqual([...host.faults, ...guest.faults], [])
  })

  async function follow(screen, name) {
    await screen.page.goto(link)
    await join(screen, name)
  }
  async function join(screen, name) {
    await screen.id('door-name').fill(name)
    await until('a look at oneself', () => frames(screen, 'self-view'), (seen) => seen > 5)
    await screen.id('door-join').click()
    await screen.id('hangout').waitFor()
  }
  async function askLive() {
    await host.id('hangout-host').click()
    await host.id('hangout-golive').click()
    await guest.id('live-question').waitFor()
  }
  const tiles = (screen) => screen.id('tile').count()
  const state = (screen) => screen.id('hangout').getAttribute('data-state')
  const mirrored = (screen) => screen.id('self-view').first().evaluate((video) => new DOMMatrix(getComputedStyle(video).transform).a < 0 || getComputedStyle(video).scale.startsWith('-1'))
  const frames = async (screen, testid) => {
    const video = screen.id(testid).first()
    return (await video.count()) === 0 ? 0 : video.evaluate((video) => video.getVideoPlaybackQuality().totalVideoFrames)
  }
  const allFrames = (screen) => screen.id('tile-video').evaluateAll((videos) => videos.map((video) => video.getVideoPlaybackQuality().totalVideoFrames))
  const allMove = async (screen, people) => {
    const before = await until(`${people} pictures`, () => allFrames(screen), (seen) => seen.length === people && seen.every((frames) => frames > 5))
    await until('they move', () => allFrames(screen), (seen) => seen.every((frames, i) => frames > before[i] + 15))
  }
  const bothMove = async (...screens) => {
    for (const screen of screens) await allMove(screen, (await tiles(screen)) - 1)
  }
})
