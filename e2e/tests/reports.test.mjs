/**
 * Something is reported on a phone, decided at the operator's desk, read by whom it is about, appealed against, and
 * taken back; somebody without an account reports, too.
 */
import assert from 'node:assert/strict'
import { mkdir, readFile } from 'node:fs/promises'
import { after, before, describe } from 'node:test'
import { openScreen, startBrowser } from '../src/browser.mjs'
import { startBusk } from '../src/busk.mjs'
import { goLive, hears, me, say, signUp } from '../src/people.mjs'
import { steps } from '../src/steps.mjs'
import { until } from '../src/wait.mjs'

const pictures = process.env.BUSK_SHOTS

describe('reports', { concurrency: 1 }, () => {
  let busk, browser, host, bea, cid, desk, stranger
  const step = steps('reports', () => ({ screens: [host, bea, cid, desk, stranger], busk }))
  const fits = (screen) => screen.page.evaluate(() => document.documentElement.scrollWidth <= innerWidth)
  /** In light and in dark, for eyes, where somebody asks for it. */
  async function shot(screen, label) {
    if (!pictures) return
    await mkdir(pictures, { recursive: true })
    for (const colorScheme of ['light', 'dark']) {
      await screen.page.emulateMedia({ colorScheme })
      await screen.page.waitForTimeout(400)
      await screen.page.screenshot({ path: `${pictures}/${label}-${colorScheme}.png` })
    }
    await screen.page.emulateMedia({ colorScheme: null })
  }
  async function openMenu(screen, text) {
    const line = screen.id('chat-message').filter({ hasText: text }).last()
    await line.getByTestId('line-menu').click()
    await screen.id('line-panel').waitFor()
  }

  before(async () => {
    busk = await startBusk()
    browser = await startBrowser({ fps: 5 })
    const phone = { width: 390, height: 844, phone: true }
    host = await openScreen(browser, busk, { name: 'host' })
    bea = await openScreen(browser, busk, { name: 'bea', ...phone })
    cid = await openScreen(browser, busk, { name: 'cid', ...phone })
    desk = await openScreen(browser, busk, { name: 'desk', width: 1280, height: 800 })
    stranger = await openScreen(browser, busk, { name: 'stranger', ...phone })
  })
  after(async () => {
    await browser?.close()
    await busk?.remove()
  })

  step('a site has an operator, a live, and somebody rude', async () => {
    const link = /\/setup#token=[\w-]+/.exec(busk.said())
    assert.ok(link, `a set-up link in ${busk.said()}`)
    await desk.page.goto(link[0])
    await desk.page.locator('input[name=username]').fill('ola')
    await desk.page.locator('input[name=name]').fill('Ola Desk')
    await desk.page.locator('input[name=password]').fill('correct horse battery')
    await desk.id('auth-submit').click()
    await until('she runs the site', () => me(desk), (seen) => seen.role === 'operator')
    await signUp(host, { handle: 'mira', name: 'Mira Vale' })
    await signUp(bea, { handle: 'bea', name: 'Bea Moss' })
    await signUp(cid, { handle: 'cid', name: 'Cid Ray' })
    await goLive(host, 'mira')
    await bea.page.goto('/@mira')
    await cid.page.goto('/@mira')
    await bea.id('chat-input').waitFor()
    await cid.id('chat-input').waitFor()
    await say(bea, 'nobody wants you here')
    await hears(cid, 'nobody wants you here')
  })

  step('a viewer reports the message', async () => {
    await openMenu(cid, 'nobody wants you here')
    await cid.id('line-report').click()
    await cid.id('report-form').waitFor()
    assert.ok(await cid.id('report-send').isDisabled(), 'it says of which kind first')
    await cid.page.locator('label', { has: cid.id('report-kind-harassment') }).click()
    await cid.page.getByLabel('What happened?').fill('She says this to everybody who is new.')
    assert.ok(await fits(cid), 'it fits a phone')
    await shot(cid, 'report')
    await cid.id('report-send').click()
    await cid.id('report-sent').waitFor()
    await shot(cid, 'sent')
    await cid.id('report-close').click()
    await cid.page.goto('/me')
    await cid.page.locator('[data-testid=my-report][data-state=open]').waitFor()
  })

  step('somebody without an account reports the live', async () => {
    await stranger.page.goto('/@mira')
    await stranger.id('picture-settings').click()
    await stranger.id('report-room').click()
    await stranger.id('report-law').click()
    await stranger.page.locator('label', { has: stranger.id('report-kind-fraud') }).click()
    await stranger.page.getByLabel('What happened?').fill('The tickets are not real.')
    await stranger.id('report-good-faith').check()
    await stranger.page.getByLabel('Your e-mail address (optional)').fill('some@example.org')
    await shot(stranger, 'report-law')
    await stranger.id('report-send').click()
    await stranger.id('report-sent').waitFor()
    const kept = await stranger.id('report-sent').locator('input').inputValue()
    await stranger.page.goto(kept)
    await stranger.page.locator('[data-testid=my-report][data-state=open]').waitFor()
  })

  step('the operator sees both, and what was said around it', async () => {
    await desk.page.goto('/operator')
    await until('two reports', () => desk.id('desk-report').count(), (seen) => seen === 2)
    await desk.id('tab-reports').evaluate((tab) => tab.scrollIntoView())
    await shot(desk, 'queue')
    await desk.page.locator('li', { has: desk.page.locator('[data-category=harassment]') }).getByTestId('desk-open').click()
    await desk.id('case').waitFor()
    assert.equal(await desk.id('case-said').textContent(), 'nobody wants you here')
    assert.equal(await desk.id('measure-hide_room').count(), 0, 'a message is no room')
    await desk.page.locator('label', { has: desk.id('measure-suspend') }).click()
    await desk.id('case-basis').fill('Rule 2: be kind')
    await desk.page.getByLabel('What was found').fill('You told somebody new that nobody wants them.')
    await shot(desk, 'case')
    await desk.id('case-decide').click()
    await until('one is left', () => desk.id('desk-report').count(), (seen) => seen === 1)
  })

  step('the account is shut, says why, and lets its person appeal', async () => {
    await until('she is nobody', () => me(bea), (seen) => seen.kind === 'nobody' && seen.suspended)
    await bea.page.goto('/me')
    await bea.id('shut').waitFor()
    await bea.page.getByText('You told somebody new that nobody wants them.').waitFor()
    assert.equal(await bea.page.getByText('Cid Ray').count(), 0, 'who reported it is not told')
    assert.ok(await fits(bea), 'it fits a phone')
    await shot(bea, 'shut')
    await bea.id('appeal').click()
    await bea.page.getByLabel('Why is it wrong?').fill('I was quoting a song.')
    await bea.id('appeal-send').click()
    await bea.page.locator('[data-testid=statement-appeal][data-outcome=open]').waitFor()
    await cid.page.reload()
    await cid.page.locator('[data-testid=my-report][data-state=suspend]').waitFor()
  })

  step('the appeal is granted, and the account is open again', async () => {
    await desk.id('tab-appeals').click()
    await desk.id('desk-appeal').waitFor()
    await desk.id('appeal-answer').fill('It is a line of a song.')
    await desk.id('tab-appeals').evaluate((tab) => tab.scrollIntoView())
    await shot(desk, 'appeal')
    await desk.id('appeal-reverse').click()
    await until('none is open', () => desk.page.locator('[data-testid=desk-appeal][data-outcome=open]').count(), (seen) => seen === 0)
    await until('she is back', () => me(bea), (seen) => seen.kind === 'person' && !seen.suspended)
    await bea.page.reload()
    await bea.page.locator('[data-testid=statement-appeal][data-outcome=reversed]').waitFor()
    await shot(bea, 'granted')
  })

  step('she takes away what the site holds of her, after her password', async () => {
    await bea.id('own-data-ask').click()
    await bea.id('own-data-password').fill('correct horse battery')
    const [file] = await Promise.all([bea.page.waitForEvent('download'), bea.id('own-data-take').click()])
    assert.equal(file.suggestedFilename(), 'bea.json')
    const held = JSON.parse(await readFile(await file.path(), 'utf8'))
    assert.equal(held.parts.profile[0].handle, 'bea')
    assert.equal(held.parts.messages[0].event.text, 'nobody wants you here')
    assert.equal(held.parts.statements[0].measure, 'suspend')
  })
})
