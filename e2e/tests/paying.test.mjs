/**
 * A payer's own side, on a phone: asked once whether they are 18 or older, told what to do about a declined card, their
 * purchases with a receipt, and a pause after too many declined cards.
 */
import assert from 'node:assert/strict'
import { after, before, describe } from 'node:test'
import { openScreen, startBrowser } from '../src/browser.mjs'
import { startBusk } from '../src/busk.mjs'
import { me, numberBecomes, payBy, signUp } from '../src/people.mjs'
import { steps } from '../src/steps.mjs'
import { until } from '../src/wait.mjs'

describe('paying', { concurrency: 1 }, () => {
  let busk, browser, payer
  const step = steps('paying', () => ({ screens: [payer], busk }))

  before(async () => {
    busk = await startBusk()
    browser = await startBrowser({ fps: 5 })
    payer = await openScreen(browser, busk, { name: 'payer', width: 390, height: 844, phone: true })
  })
  after(async () => {
    await browser?.close()
    await busk?.remove()
  })

  step('who does not say that they are 18 or older pays nothing', async () => {
    await signUp(payer, { handle: 'ben', name: 'Ben <b>Ode</b>' })
    await payer.page.goto('/me')
    await payer.id('coins-buy').click()
    await payer.id('pack-coins-350').click()
    await payer.id('adult-no').click()
    await payer.id('pack-coins-350').waitFor()
    assert.deepEqual(await payments(), [])
  })

  step('a declined card is said with what to do', async () => {
    await payer.id('pack-coins-350').click()
    await decide(payer.id('adult-yes'), 'sandbox-decline')
    assert.match(await payer.id('checkout-declined').textContent(), /Nothing was charged.*another card/s)
    assert.equal((await me(payer)).adult, true)
  })

  step('another card pays, and the coins come', async () => {
    await decide(payer.id('pay-again'), 'sandbox-pay')
    await payer.id('checkout-paid').getByRole('button').click()
    await numberBecomes(payer, 'balance', 350)
  })

  step('purchases are listed, with a receipt that is text', async () => {
    const listed = () => payer.id('purchase').evaluateAll((rows) => rows.map((row) => row.dataset.state))
    await until('both purchases', listed, (states) => states.join() === 'paid,declined')
    const opened = payer.context.waitForEvent('page')
    await payer.id('receipt').click()
    const receipt = await opened
    const text = await receipt.locator('main').innerText()
    const [{ id }] = await payments()
    for (const said of [id, 'Ben <b>Ode</b> (@ben)', '350 coins', '3.50 USD']) assert.ok(text.includes(said), `${said} in ${text}`)
    assert.ok(await receipt.evaluate(() => document.documentElement.scrollWidth <= innerWidth), 'it fits a phone')
    await receipt.close()
  })

  step('five declined cards in an hour, and the next has to wait', async () => {
    await payer.id('coins-buy').click()
    await decide(payer.id('pack-coins-70'), 'sandbox-decline')
    for (let declined = 2; declined < 5; declined++) await decide(payer.id('pay-again'), 'sandbox-decline')
    const opened = payer.context.waitForEvent('page')
    await payer.id('pay-again').click()
    const refused = payer.id('pay-refused')
    await refused.waitFor()
    assert.equal(await refused.getAttribute('data-kind'), 'too_many_payments')
    assert.match(await refused.textContent(), /Wait for an hour/)
    await until('its window is closed', async () => (await opened).isClosed(), (closed) => closed)
    assert.equal((await payments()).length, 6)
  })

  step('nothing went wrong in the browser, and the books balance', async () => {
    // Browsers write every refusal into their console, also the one that was wanted.
    assert.deepEqual(payer.faults.filter((fault) => !/status of 429 .*coin-purchases/.test(fault)), [])
    const { ended, said } = await busk.stop()
    assert.equal(ended, 'exit 0', said)
    const audit = await busk.audit()
    assert.equal(audit.code, 0, audit.said)
  })

  async function payments() {
    const answer = await payer.context.request.get('/api/v1/payments')
    return (await answer.json()).items
  }

  /** Presses what opens the provider's page, decides there, and waits until the sheet knows of it. */
  async function decide(button, choice) {
    await payBy(payer, button, { choice })
    await payer.id(choice === 'sandbox-pay' ? 'checkout-paid' : 'checkout-declined').waitFor()
  }
})
