/**
 * What a whole crowd does and is told: hearts that add up, an operator's announcement in every live, and a host who takes
 * viewers along to another live at the end.
 */
import assert from 'node:assert/strict'
import { after, before, describe } from 'node:test'
import { openScreen, photograph, startBrowser } from '../src/browser.mjs'
import { startBusk } from '../src/busk.mjs'
import { goLive, hears, me, number, say, signUp } from '../src/people.mjs'
import { steps } from '../src/steps.mjs'
import { until } from '../src/wait.mjs'

describe('a crowd', { concurrency: 1 }, () => {
  let busk, browser, host, other, fan, operator
  const step = steps('crowd', () => ({ screens: [host, other, fan, operator], busk }))

  before(async () => {
    busk = await startBusk('serve')
    browser = await startBrowser({ fps: 5 })
    host = await openScreen(browser, busk, { name: 'host', width: 1280, height: 800 })
    other = await openScreen(browser, busk, { name: 'other', width: 1280, height: 800 })
    fan = await openScreen(browser, busk, { name: 'fan', width: 390, height: 844, phone: true })
    operator = await openScreen(browser, busk, { name: 'operator', width: 1280, height: 800 })
  })
  after(async () => {
    await browser?.close()
    await busk?.remove()
  })

  step('two are live, and somebody watches one of them', async () => {
    const link = /https?:\/\/\S*\/setup\S*/.exec(busk.said())[0]
    await operator.page.goto(new URL(link).pathname + new URL(link).search + new URL(link).hash)
    await operator.page.locator('input[name=username]').fill('olga')
    await operator.page.locator('input[name=name]').fill('Olga')
    await operator.page.locator('input[name=password]').fill('correct horse battery')
    await operator.id('auth-submit').click()
    await until('the operator is there', () => me(operator), (seen) => seen.handle === 'olga')
    await signUp(host, { handle: 'mira', name: 'Mira Vale' })
    await goLive(host, 'mira')
    await signUp(other, { handle: 'noor', name: 'Noor Lake' })
    await goLive(other, 'noor')
    await signUp(fan, { handle: 'ben', name: 'Ben Ode' })
    await fan.page.goto('/@mira')
    await fan.id('chat-input').waitFor()
    await say(fan, 'hello')
    await hears(host, 'hello')
  })

  step('hearts add up, also over a reload', async () => {
    for (let i = 0; i < 5; i++) await fan.id('react').click()
    await until('all are counted', async () => ((await fan.id('reactions').count()) > 0 ? number(fan, 'reactions') : 0), (seen) => seen === 5)
    await photograph([fan], 'crowd-hearts')
    await fan.page.reload()
    await until('they are kept', async () => ((await fan.id('reactions').count()) > 0 ? number(fan, 'reactions') : 0), (seen) => seen === 5)
  })

  step('an operator tells everybody', async () => {
    await operator.page.goto('/operator')
    await operator.id('announce-text').fill('The site sleeps at midnight. <b>Good night!</b>')
    await operator.id('announce-send').click()
    await operator.page.getByText('Told in 2 lives.').waitFor()
    for (const screen of [host, other, fan]) await screen.id('told-announcement').getByText('<b>Good night!</b>').waitFor()
    await photograph([fan, host], 'crowd-announcement')
  })

  step('a host takes the viewers along', async () => {
    await host.id('end-live').click()
    await host.id('onward-choice').selectOption({ value: 'noor' })
    await photograph([host], 'crowd-end')
    await host.id('end-confirm').click()
    await fan.id('onward').getByText('On to Noor Lake').waitFor()
    await photograph([fan], 'crowd-onward')
    await fan.id('onward-go').click()
    await fan.page.waitForURL('**/@noor')
    await fan.id('chat-input').waitFor()
    await other.id('told-arrivals').getByText('Mira Vale').waitFor()
    await say(fan, 'hello from over there')
    await hears(other, 'hello from over there')
    await photograph([other], 'crowd-arrivals')
  })

  step('nothing went wrong in any browser', () => {
    assert.deepEqual([host, other, fan, operator].flatMap((screen) => screen.faults), [])
  })
})
