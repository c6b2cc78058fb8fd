/** The demonstration as a visitor finds it: three rooms live, a door for each part, and things that happen by themselves. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { decodedFrames, openScreen, photograph, startBrowser } from '../src/browser.mjs'
import { startBusk } from '../src/busk.mjs'
import { hears, me, number, say } from '../src/people.mjs'
import { until } from '../src/wait.mjs'

let busk, browser, viewer, creator
before(async () => {
  busk = await startBusk('demo')
  browser = await startBrowser()
  viewer = await openScreen(browser, busk, { name: 'demo-viewer' })
  creator = await openScreen(browser, busk, { name: 'demo-creator' })
})
after(async () => {
  await browser?.close()
  await busk?.stop()
  await busk?.remove()
})

test('one click makes a visitor a viewer or a creator in a room that is alive', async () => {
  try {
    await viewer.page.goto('/')
    await until('three rooms', () => viewer.id('room-card').count(), (rooms) => rooms === 3)
    await creator.page.goto('/')
    await creator.id('enter-creator').click()
    await creator.id('end-live').waitFor()
    const handle = (await me(creator)).channel.handle

    await viewer.id('enter-viewer').click()
    await until('the viewer has coins', () => me(viewer), (seen) => seen.kind === 'person' && seen.coins > 0)
    await viewer.page.goto(`/@${handle}`)
    const first = await until('a picture', () => decodedFrames(viewer), (frames) => frames > 0)
    await until('a moving one', () => decodedFrames(viewer), (frames) => frames >= first + 15)

    // The audience talks and gives by itself.
    await viewer.id('chat-message').first().waitFor()
    await viewer.id('gift-banner').first().waitFor({ timeout: 60_000 })

    await say(viewer, 'is this thing on?')
    await hears(creator, 'is this thing on?')
    const diamonds = await number(creator, 'studio-diamonds')
    await viewer.id('gift-open').click()
    await viewer.id('gift-confetti').click()
    await viewer.id('gift-send').click()
    const given = '[data-testid=gift-banner][data-gift=confetti]'
    await Promise.all([viewer, creator].map((screen) => screen.page.locator(given).first().waitFor()))
    await until('the diamonds', () => number(creator, 'studio-diamonds'), (seen) => seen >= diamonds + 49)
    assert.deepEqual([...viewer.faults, ...creator.faults], [])
  } catch (problem) {
    await photograph([viewer, creator], 'demo')
    console.error(JSON.stringify([...viewer.faults, ...creator.faults], null, 1), busk.said().slice(-4_000))
    throw problem
  }
})
