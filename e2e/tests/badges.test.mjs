/**
 * Hearts beside a name: a host sets a goal, a viewer sees who gets what, buys a badge on the sandbox's page, and both
 * screens show the hearts, the goal that moved, and who leads.
 */
import assert from 'node:assert/strict'
import { after, before, describe } from 'node:test'
import { openScreen, startBrowser } from '../src/browser.mjs'
import { startBusk } from '../src/busk.mjs'
import { goLive, hears, say, signUp } from '../src/people.mjs'
import { steps } from '../src/steps.mjs'
import { until } from '../src/wait.mjs'

describe('badges', { concurrency: 1 }, () => {
  let busk, browser, creator, viewer
  const step = steps('badges', () => ({ screens: [creator, viewer], busk }))
  const hearts = (screen, text) => screen.id('chat-message').filter({ hasText: text }).getByTestId('hearts').getAttribute('data-hearts')
  const soFar = (screen) => screen.id('goal').first().getAttribute('data-so-far').then(Number)

  before(async () => {
    busk = await startBusk()
    browser = await startBrowser({ fps: 5 })
    creator = await openScreen(browser, busk, { name: 'creator' })
    viewer = await openScreen(browser, busk, { name: 'viewer', width: 390, height: 844, phone: true })
  })
  after(async () => {
    await browser?.close()
    await busk?.remove()
  })

  step('a live with a goal', async () => {
    await signUp(creator, { handle: 'mira', name: 'Mira Vale' })
    await signUp(viewer, { handle: 'ben', name: 'Ben Ode' })
    const said = await viewer.context.request.post('/api/v1/me/adult', { data: { adult: true }, headers: { origin: busk.url } })
    assert.equal(said.status(), 204)
    await goLive(creator, 'mira')
    await creator.id('goal-add').click()
    await creator.id('goal-title').fill('A new amp')
    await creator.id('goal-kind-money').click()
    await creator.id('goal-target').fill('5')
    await creator.id('goal-set').click()
    await creator.id('own-goal').waitFor()
    await viewer.page.goto('/@mira')
    await viewer.id('goal').waitFor()
    assert.equal(await soFar(viewer), 0)
  })

  step('the viewer sees who gets what, and buys two hearts', async () => {
    await say(viewer, 'before the hearts')
    await viewer.id('gift-open').click()
    await viewer.id('tab-badges').click()
    const offer = viewer.id('badge-2')
    const split = await offer.getByTestId('badge-split').textContent()
    for (const part of ['Mira Vale', '1.39', '0.25', '0.35']) assert.ok(split.includes(part), `${part} in ${split}`)
    const opened = viewer.context.waitForEvent('page')
    await offer.click()
    const checkout = await opened
    await checkout.waitForURL('**/sandbox/checkout/**')
    await checkout.getByTestId('sandbox-pay').click()
    await viewer.id('badge-sale-paid').waitFor()
    await viewer.id('badge-sale-paid').getByRole('button').click()
    await viewer.page.getByRole('dialog').getByRole('button', { name: 'Close' }).click()
  })

  step('both screens show the hearts from then on', async () => {
    await Promise.all([creator, viewer].map((screen) => screen.id('badge-line').first().waitFor()))
    await say(viewer, 'after the hearts')
    await hears(creator, 'after the hearts')
    for (const screen of [creator, viewer]) assert.equal(await hearts(screen, 'after the hearts'), '2')
    assert.equal(await creator.id('chat-message').filter({ hasText: 'before the hearts' }).getByTestId('hearts').count(), 0)
  })

  step('the goal has moved, and the viewer leads', async () => {
    await until('the goal moves', () => soFar(viewer), (seen) => seen === 199)
    await viewer.id('top-1').waitFor()
    assert.equal(await viewer.id('top-1').getAttribute('data-name'), 'Ben Ode')
    await viewer.id('top-strip').click()
    const place = viewer.id('ranking-place').first()
    await place.waitFor()
    assert.match(await place.textContent(), /Ben Ode.*1\.99/s)
    await viewer.id('ranking-month').click()
    await viewer.id('ranking-place').first().waitFor()
  })

  step('who reloads still sees them, and the creator keeps the list', async () => {
    await viewer.page.reload()
    await hears(viewer, 'after the hearts')
    assert.equal(await hearts(viewer, 'after the hearts'), '2')
    await viewer.id('top-1').waitFor()
    const list = await creator.context.newPage()
    await list.goto('/supporters')
    const one = list.getByTestId('supporter').first()
    await one.waitFor()
    assert.match(await one.textContent(), /Ben Ode.*1 badge.*1\.99/s)
    await list.close()
  })

  step('nothing went wrong in either browser, and the books balance', async () => {
    assert.deepEqual([...creator.faults, ...viewer.faults], [])
    const { ended, said } = await busk.stop()
    assert.equal(ended, 'exit 0', said)
    const audit = await busk.audit()
    assert.equal(audit.code, 0, audit.said)
  })
})
