/**
 * An evening with tickets: somebody makes a page in the studio and announces a live for ticket holders; a viewer on a
 * phone meets the gate, sees who gets what, buys on the sandbox's page, is let in by itself and sees the live; and asks
 * for the money back in their purchases, which the host gives.
 */
import assert from 'node:assert/strict'
import { after, before, describe } from 'node:test'
import { decodedFrames, openScreen, startBrowser } from '../src/browser.mjs'
import { startBusk } from '../src/busk.mjs'
import { hears, payBy, roomState, say, signUp } from '../src/people.mjs'
import { steps } from '../src/steps.mjs'
import { until } from '../src/wait.mjs'

describe('tickets', { concurrency: 1 }, () => {
  let busk, browser, host, viewer, stranger
  const step = steps('tickets', () => ({ screens: [host, viewer, stranger], busk }))
  const shut = (screen) => screen.id('gate').getAttribute('data-shut')

  before(async () => {
    busk = await startBusk()
    browser = await startBrowser({ fps: 5 })
    host = await openScreen(browser, busk, { name: 'host' })
    viewer = await openScreen(browser, busk, { name: 'viewer', width: 390, height: 844, phone: true })
    stranger = await openScreen(browser, busk, { name: 'stranger' })
  })
  after(async () => {
    await browser?.close()
    await busk?.remove()
  })

  step('a page is made in the studio', async () => {
    await signUp(host, { handle: 'mira', name: 'Mira Vale' })
    await host.page.goto('/studio')
    await host.id('page-new').click()
    await host.id('page-name').fill('The Cellar')
    await host.id('page-handle').fill('cellar')
    await host.id('page-create').click()
    await until('the page is chosen', () => host.page.getByLabel('Which channel?').inputValue(), (page) => page === 'cellar')
  })

  step('an evening is announced, with tickets', async () => {
    await host.id('tab-schedule').click()
    await host.page.getByLabel('What is this live called?').fill('Cellar night')
    await host.page.getByLabel('Who may enter?').selectOption('ticket')
    await host.id('offer-price').fill('12,505')
    await host.id('offer-seats').fill('2')
    await host.id('schedule').click()
    await host.page.getByText('An amount of money, such as 12.50.').waitFor()
    assert.equal(await roomState(host, 'cellar'), null, 'nothing was opened for a price that is none')
    await host.id('offer-price').fill('12.50')
    await host.id('schedule').click()
    await until('it is announced', () => roomState(host, 'cellar'), (state) => state === 'scheduled')
    await host.page.getByText('Only ticket holders may enter.').waitFor()
  })

  step('the offer is changed before anybody buys', async () => {
    await until('none is sold', () => host.id('ticket-sold').textContent(), (text) => /0 of 2 seats/.test(text))
    await host.id('offer-change').click()
    await host.id('offer-seats').fill('3')
    await host.id('offer-more').click()
    await host.id('offer-countries').fill('france')
    await host.id('offer-save').click()
    await host.id('offer-fields').getByRole('alert').waitFor()
    await host.id('offer-countries').fill('')
    await host.id('offer-save').click()
    await until('there are three', () => host.id('ticket-sold').textContent(), (text) => /0 of 3 seats/.test(text))
  })

  step('the gate says what it is, before anybody signs in', async () => {
    await viewer.page.goto('/@cellar')
    await viewer.id('ticket-buy').waitFor()
    assert.equal(await shut(viewer), 'ticket')
    assert.equal(await viewer.id('gate-title').textContent(), 'Cellar night')
    const split = await viewer.id('ticket-split').textContent()
    for (const part of ['The Cellar gets', 'the platform', 'card fees']) assert.ok(split.includes(part), `${part} in ${split}`)
    assert.match(await viewer.id('ticket-left').textContent(), /3 seats left/)
    const rules = await viewer.id('ticket-rules').innerText()
    for (const rule of [/replay is included/, /until 2 days before/, /2 hours after its time/, /2 devices/]) assert.match(rules, rule)
    assert.ok(await viewer.page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), 'it fits a phone')
  })

  step('the live begins, and the gate stays shut', async () => {
    await host.page.getByRole('tab').first().click()
    await host.id('go-live').click()
    await until('the room is live', () => roomState(host, 'cellar'), (state) => state === 'live')
    await host.id('end-live').waitFor()
    await viewer.page.reload()
    await viewer.id('ticket-buy').waitFor()
    assert.equal(await viewer.id('video').count(), 0)
  })

  step('who wants a ticket without an account makes one at the gate', async () => {
    await viewer.id('ticket-buy').click()
    await viewer.id('auth-sign-in').getByRole('button', { name: 'Create account' }).click()
    const form = viewer.id('auth-sign-up')
    await form.locator('input[name=username]').fill('ben')
    await form.locator('input[name=name]').fill('Ben Ode')
    await form.locator('input[name=password]').fill('correct horse battery')
    await viewer.id('auth-submit').click()
    await viewer.id('ticket-buy').waitFor()
    assert.equal(await shut(viewer), 'ticket')
  })

  step('a ticket is bought, and lets in by itself', async () => {
    await viewer.id('ticket-buy').click()
    await payBy(viewer, viewer.id('adult-yes'))
    await viewer.id('video').first().waitFor()
    await until('the picture moves', () => decodedFrames(viewer), (frames) => frames > 10)
    assert.equal(await viewer.id('gate').count(), 0)
    await say(viewer, 'glad to be in')
    await hears(host, 'glad to be in')
  })

  step('after a reload they are in at once, and one seat is left for others', async () => {
    await viewer.page.reload()
    await hears(viewer, 'glad to be in')
    await stranger.page.goto('/@cellar')
    await stranger.id('ticket-left').waitFor()
    assert.match(await stranger.id('ticket-left').textContent(), /2 seats left/)
  })

  step('the third device takes the place of the first, which says so and can take it back', async () => {
    for (const name of ['tablet', 'laptop']) {
      const other = await openScreen(browser, busk, { name })
      await other.page.goto('/sign-in')
      await other.page.locator('input[name=username]').fill('ben')
      await other.page.locator('input[name=password]').fill('correct horse battery')
      await other.id('auth-submit').click()
      await other.page.waitForURL((url) => url.pathname !== '/sign-in')
      await other.page.goto('/@cellar')
      await hears(other, 'glad to be in')
    }
    await viewer.id('lost').waitFor()
    assert.equal(await shut(viewer), 'elsewhere')
    assert.match(await viewer.id('lost').textContent(), /plays on other devices/)
    await viewer.id('play-here').click()
    await hears(viewer, 'glad to be in')
  })

  step('the money is asked for in the purchases', async () => {
    await viewer.page.goto('/me')
    const bought = viewer.id('purchase').first()
    await bought.waitFor()
    assert.match(await bought.textContent(), /Ticket.*12\.50.*Paid/)
    await viewer.id('ask-money-back').first().click()
    await viewer.id('money-back-why').fill('I could not stay')
    await viewer.id('money-back-send').click()
    await viewer.page.getByText('Asked for: the site’s operator decides.', { exact: true }).waitFor()
    assert.match(await viewer.id('my-ticket').textContent(), /Live with Mira Vale.*The Cellar.*12\.50.*Yours/s)
  })

  step('the host gives it back, and the ticket is no more', async () => {
    const holder = host.id('ticket-holder')
    await until('the host is asked', () => holder.textContent(), (text) => /Ben Ode.*I could not stay/s.test(text))
    await host.id('ticket-give-back').click()
    await until('it is given back', () => holder.textContent(), (text) => /Given back/.test(text))
    await viewer.page.reload()
    await until('the account says so', () => viewer.id('my-ticket').getAttribute('data-state'), (state) => state === 'returned')
  })

  step('nothing went wrong in any browser, and the books balance', async () => {
    // Browsers write every refusal into their console, also the gate's and that of the country.
    const unwanted = (fault) => !/status of (40[13] .*\/rooms\/[^/]+\/stage\)|422 .*\/ticket-offer\))/.test(fault)
    assert.deepEqual([...host.faults, ...viewer.faults, ...stranger.faults].filter(unwanted), [])
    const { ended, said } = await busk.stop()
    assert.equal(ended, 'exit 0', said)
    const audit = await busk.audit()
    assert.equal(audit.code, 0, audit.said)
  })
})
