/** Somebody deletes their account on a phone, is told so when they sign in again, and keeps it. */
import assert from 'node:assert/strict'
import { mkdir } from 'node:fs/promises'
import { after, before, describe } from 'node:test'
import { openScreen, startBrowser } from '../src/browser.mjs'
import { startBusk } from '../src/busk.mjs'
import { me, signUp } from '../src/people.mjs'
import { steps } from '../src/steps.mjs'
import { until } from '../src/wait.mjs'

const pictures = process.env.BUSK_SHOTS
const PASSWORD = 'correct horse battery'

describe('deletion', { concurrency: 1 }, () => {
  let busk, browser, zoe, bea
  const step = steps('deletion', () => ({ screens: [zoe, bea], busk }))
  const fits = (screen) => screen.page.evaluate(() => document.documentElement.scrollWidth <= innerWidth)
  /** In light and in dark, for eyes, where somebody asks for it. */
  async function shot(screen, label, at) {
    if (!pictures) return
    await mkdir(pictures, { recursive: true })
    await screen.id(at).scrollIntoViewIfNeeded()
    for (const colorScheme of ['light', 'dark']) {
      await screen.page.emulateMedia({ colorScheme })
      await screen.page.waitForTimeout(400)
      await screen.page.screenshot({ path: `${pictures}/${label}-${colorScheme}.png` })
    }
    await screen.page.emulateMedia({ colorScheme: null })
  }

  before(async () => {
    busk = await startBusk()
    browser = await startBrowser({ fps: 5 })
    zoe = await openScreen(browser, busk, { name: 'zoe', width: 390, height: 844, phone: true })
    bea = await openScreen(browser, busk, { name: 'bea', width: 1280, height: 800 })
    await signUp(zoe, { handle: 'zoe', name: 'Zoe Lark' })
    await signUp(bea, { handle: 'bea', name: 'Bea Moss' })
  })
  after(async () => {
    await browser?.close()
    await busk?.remove()
  })

  step('what stands against it is said, and nothing can be pressed', async () => {
    await zoe.page.evaluate(() => fetch('/api/v1/rooms', { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"title":"Songs"}' }))
    await zoe.page.goto('/me')
    await zoe.id('delete-look').click()
    await zoe.id('delete-against').waitFor()
    assert.equal(await zoe.id('delete-ask').count(), 0)
    await shot(zoe, 'against', 'delete-account')
    const room = await zoe.page.evaluate(async () => (await (await fetch('/api/v1/channels/zoe')).json()).room.id)
    await zoe.page.evaluate((id) => fetch(`/api/v1/rooms/${id}/end`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{}' }), room)
  })

  step('what goes is said first; then the password', async () => {
    await zoe.page.goto('/me')
    await zoe.id('delete-look').click()
    await zoe.id('delete-lost').getByText('@zoe').waitFor()
    assert.ok(await zoe.id('delete-ask').isDisabled(), 'not without the password')
    await zoe.id('delete-password').fill('not the one')
    await zoe.id('delete-ask').click()
    await zoe.id('delete-account').getByText('This is not your password.').waitFor()
    assert.ok(await fits(zoe), 'it fits a phone')
    await shot(zoe, 'ask', 'delete-account')
    await zoe.id('delete-password').fill(PASSWORD)
    await zoe.id('delete-ask').click()
    await until('she is signed out', () => me(zoe), (seen) => seen.kind === 'nobody')
    await bea.page.goto('/@zoe')
    await until('nobody finds her', () => bea.page.evaluate(async () => (await fetch('/api/v1/channels/zoe')).status), (status) => status === 404)
  })

  step('whoever signs in again is told when, and keeps it with one press', async () => {
    await zoe.page.goto('/sign-in')
    await zoe.page.locator('input[name=username]').fill('zoe')
    await zoe.page.locator('input[name=password]').fill(PASSWORD)
    await zoe.id('auth-submit').click()
    await zoe.id('leaving').waitFor()
    await zoe.id('own-data').waitFor()
    assert.ok(await fits(zoe), 'it fits a phone')
    await shot(zoe, 'leaving', 'leaving')
    await zoe.page.reload()
    await zoe.id('leaving').waitFor()
    await zoe.id('delete-keep').click()
    await zoe.id('delete-account').waitFor()
    await until('she is herself', () => me(zoe), (seen) => seen.handle === 'zoe' && seen.deleted_at === null)
    assert.equal(await bea.page.evaluate(async () => (await fetch('/api/v1/channels/zoe')).status), 200)
  })
})
