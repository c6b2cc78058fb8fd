/**
 * A live for followers: opened in the studio; a viewer on a phone meets the gate, says that they follow, makes an account for
 * it and is in; another on a desk follows with one press. Who follows no more is shown out, and comes back the same way.
 */
import assert from 'node:assert/strict'
import { after, before, describe } from 'node:test'
import { decodedFrames, openScreen, show, startBrowser } from '../src/browser.mjs'
import { startBusk } from '../src/busk.mjs'
import { hears, roomState, say, signUp } from '../src/people.mjs'
import { steps } from '../src/steps.mjs'
import { until } from '../src/wait.mjs'

describe('followers', { concurrency: 1 }, () => {
  let busk, browser, host, viewer, other
  const step = steps('followers', () => ({ screens: [host, viewer, other], busk }))
  const shut = (screen) => screen.id('gate').getAttribute('data-shut')
  const fits = (screen) => screen.page.evaluate(() => document.documentElement.scrollWidth <= innerWidth)
  /** It is the same page all along. */
  const mark = (screen) => screen.page.evaluate(() => (globalThis.stayed = true))
  const stayed = (screen) => screen.page.evaluate(() => globalThis.stayed === true)
  async function sees(screen) {
    await screen.id('video').first().waitFor()
    await until('the picture moves', () => decodedFrames(screen), (frames) => frames > 10)
    assert.equal(await screen.id('gate').count(), 0)
    assert.ok(await stayed(screen), 'without a reload')
  }

  before(async () => {
    busk = await startBusk()
    browser = await startBrowser({ fps: 5 })
    host = await openScreen(browser, busk, { name: 'host' })
    viewer = await openScreen(browser, busk, { name: 'viewer', width: 390, height: 844, phone: true })
    other = await openScreen(browser, busk, { name: 'other', width: 1280, height: 800 })
  })
  after(async () => {
    await browser?.close()
    await busk?.remove()
  })

  step('a live for followers is opened in the studio', async () => {
    await signUp(host, { handle: 'mira', name: 'Mira Vale' })
    await host.page.goto('/studio')
    await host.id('live-title').fill('Among us')
    await host.page.getByLabel('Who may enter?').selectOption('followers')
    await show(host.page, 'followers-studio')
    await host.id('go-live').click()
    await until('the room is live', () => roomState(host, 'mira'), (state) => state === 'live')
    await host.id('end-live').waitFor()
  })

  step('the gate says whom it is for, before anybody signs in', async () => {
    await viewer.page.goto('/@mira')
    await viewer.id('gate-follow').waitFor()
    await mark(viewer)
    assert.equal(await shut(viewer), 'followers')
    assert.equal(await viewer.id('gate-title').textContent(), 'Among us')
    assert.match(await viewer.id('followers-only').textContent(), /those who follow Mira Vale/)
    assert.equal(await viewer.id('video').count(), 0)
    assert.ok(await fits(viewer), 'it fits a phone')
    await show(viewer.page, 'followers-gate-phone')
  })

  step('who follows without an account makes one, and is in', async () => {
    await viewer.id('gate-follow').click()
    await viewer.id('auth-sign-in').getByRole('button', { name: 'Create account' }).click()
    const form = viewer.id('auth-sign-up')
    await form.locator('input[name=username]').fill('ben')
    await form.locator('input[name=name]').fill('Ben Ode')
    await form.locator('input[name=password]').fill('correct horse battery')
    await show(viewer.page, 'followers-sign-up-phone')
    await viewer.id('auth-submit').click()
    await sees(viewer)
    await say(viewer, 'glad to be in')
    await hears(host, 'glad to be in')
    await show(viewer.page, 'followers-in-phone')
  })

  step('who has an account is in by one press', async () => {
    await signUp(other, { handle: 'cleo', name: 'Cleo Sand' })
    await other.page.goto('/@mira')
    await other.id('gate-follow').waitFor()
    await mark(other)
    assert.equal(await other.id('gate-sign-in').count(), 0)
    await show(other.page, 'followers-gate-desk')
    await other.id('gate-follow').click()
    await sees(other)
    await hears(other, 'glad to be in')
    await show(other.page, 'followers-in-desk')
  })

  step('who follows no more is shown out, and can come back', async () => {
    await until('the button knows', () => other.id('follow').getAttribute('aria-pressed'), (seen) => seen === 'true')
    await other.id('follow').click()
    await other.id('lost').waitFor()
    assert.match(await other.id('lost').textContent(), /You do not follow Mira Vale any more/)
    assert.equal(await shut(other), 'followers')
    await show(other.page, 'followers-lost-desk')
    await other.id('gate-follow').click()
    await sees(other)
    await say(other, 'back again')
    await hears(viewer, 'back again')
  })

  step('who follows in another window is let in when they come back to this one', async () => {
    const away = await other.context.request.delete('/api/v1/channels/mira/follow')
    assert.equal(away.status(), 204)
    await other.id('gate-follow').waitFor()
    const again = await other.context.request.put('/api/v1/channels/mira/follow')
    assert.equal(again.status(), 200)
    await other.page.evaluate(() => document.dispatchEvent(new Event('visibilitychange')))
    await sees(other)
  })

  step('nothing went wrong in any browser', async () => {
    // Browsers write every refusal into their console, also the gate's.
    const unwanted = (fault) => !/status of 40[13] .*\/rooms\/[^/]+\/stage\)/.test(fault)
    assert.deepEqual([...host.faults, ...viewer.faults, ...other.faults].filter(unwanted), [])
    const { ended, said } = await busk.stop()
    assert.equal(ended, 'exit 0', said)
  })
})
