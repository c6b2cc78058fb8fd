/**
 * A member by the month: a creator sets tiers, a viewer on a phone sees who gets what and subscribes on the sandbox's
 * page, both screens say so in the chat, and the viewer's account cancels it, takes that back and changes the tier. Then
 * the creator's first emote is written in the chat, and the viewer gives somebody in the live a month.
 */
import assert from 'node:assert/strict'
import { after, before, describe } from 'node:test'
import { openScreen, startBrowser } from '../src/browser.mjs'
import { startBusk } from '../src/busk.mjs'
import { goLive, hears, payBy, say, signUp } from '../src/people.mjs'
import { steps } from '../src/steps.mjs'
import { until } from '../src/wait.mjs'

/** A square of eight red pixels. */
const square = 'iVBORw0KGgoAAAANSUhEUgAAAAgAAAAICAYAAADED76LAAAAEklEQVR42mP4b6DwHx9mGBkKABV8k4EJgvDYAAAAAElFTkSuQmCC'

describe('subscriptions', { concurrency: 1 }, () => {
  let busk, browser, creator, viewer, fan
  const step = steps('subscriptions', () => ({ screens: [creator, viewer, fan], busk }))
  const stateIs = (state) => until(`it is ${state}`, () => viewer.id('own-subscription').first().getAttribute('data-state'), (seen) => seen === state)

  before(async () => {
    busk = await startBusk()
    browser = await startBrowser({ fps: 5 })
    creator = await openScreen(browser, busk, { name: 'creator' })
    viewer = await openScreen(browser, busk, { name: 'viewer', width: 390, height: 844, phone: true })
    fan = await openScreen(browser, busk, { name: 'fan' })
  })
  after(async () => {
    await browser?.close()
    await busk?.remove()
  })

  step('a creator sets two tiers, the cheapest first', async () => {
    await signUp(creator, { handle: 'mira', name: 'Mira Vale' })
    await creator.page.goto('/earnings')
    for (const [i, [name, price, perks, discount]] of [['Front row', '9.99', 'A song of your choice\nYour name on the wall', '20'], ['Friend', '4.9x', 'A letter a month', '']].entries()) {
      await creator.id('tier-add').click()
      await creator.id('tier-name').nth(i).fill(name)
      await creator.id('tier-price').nth(i).fill(price)
      await creator.id('tier-draft').nth(i).locator('textarea').fill(perks)
      await creator.id('tier-discount').nth(i).fill(discount)
    }
    await creator.id('tiers-save').click()
    await creator.id('tier-draft').nth(1).getByRole('alert').waitFor()
    await creator.id('tier-price').nth(1).fill('4.99')
    await creator.id('tiers-save').click()
    await until('the tiers in their order', () => creator.id('tier-name').evaluateAll((fields) => fields.map(({ value }) => value).join()), (names) => names === 'Friend,Front row')
  })

  step('a channel that is not live offers them, though not to its creator', async () => {
    await signUp(viewer, { handle: 'ben', name: 'Ben Ode' })
    await viewer.page.goto('/@mira')
    await viewer.id('subscribe-open').click()
    await viewer.id('tier-2').waitFor()
    const asked = creator.page.waitForResponse('**/channels/mira/tiers')
    await creator.page.goto('/@mira')
    assert.equal((await asked).status(), 200)
    await creator.page.getByRole('heading', { name: 'Mira Vale is not live' }).waitFor()
    assert.equal(await creator.id('subscribe-open').count(), 0)
    await goLive(creator, 'mira')
  })

  step('a viewer sees who gets what, and subscribes', async () => {
    await viewer.page.goto('/@mira')
    await viewer.id('gift-open').click()
    await viewer.id('tab-subscribe').click()
    const offer = viewer.id('tier-1')
    await offer.waitFor()
    const said = await offer.textContent()
    for (const part of ['Friend', '4.99', 'A letter a month', 'Mira Vale gets', '3.49']) assert.ok(said.includes(part), `${part} in ${said}`)
    await viewer.id('subscribe-1').click()
    await pay(viewer.id('adult-yes'))
    await viewer.id('checkout-paid').getByRole('button').click()
    await viewer.id('subscribed').waitFor()
    await stateIs('active')
    assert.equal(await viewer.id('subscribe-2').count(), 0)
  })

  step('the chat says so on both screens', async () => {
    for (const screen of [creator, viewer]) await screen.id('subscription-line').first().waitFor()
  })

  step('the account cancels in one click, and takes it back', async () => {
    await viewer.page.goto('/me')
    const row = viewer.id('subscription')
    await row.waitFor()
    assert.match(await row.textContent(), /Mira Vale.*Friend.*4\.99.*a month/s)
    await viewer.id('subscription-cancel').click()
    await stateIs('cancelled')
    await row.filter({ hasText: 'Nothing more is charged' }).waitFor()
    assert.equal((await subscription()).next_charge_at, null)
    await viewer.id('subscription-keep').click()
    await stateIs('active')
    assert.ok((await subscription()).next_charge_at)
  })

  step('an upgrade says what is paid now, and a downgrade waits for the next month', async () => {
    await viewer.id('subscription-change').click()
    assert.match(await viewer.id('upgrade-2').textContent(), /(5\.00|4\.99)/)
    await pay(viewer.id('upgrade-2'))
    await viewer.id('checkout-paid').getByRole('button').click()
    await viewer.id('downgrade-1').click()
    await viewer.id('tier-stay').first().waitFor()
    const { tier, next_tier } = await subscription()
    assert.deepEqual({ tier, next_tier }, { tier: 2, next_tier: 1 })
    await viewer.page.keyboard.press('Escape')
    await until('the account says so', () => viewer.id('subscription').textContent(), (text) => /Front row.*9\.99.*Friend from/s.test(text))
    await viewer.id('tier-stay').click()
    await until('it is taken back', subscription, ({ next_tier }) => next_tier === null)
  })

  step('the creator sees who subscribes', async () => {
    const books = await creator.context.newPage()
    await books.goto('/earnings')
    const one = books.getByTestId('subscriber')
    await one.waitFor()
    assert.match(await one.textContent(), /Ben Ode.*Active.*Front row.*9\.99/s)
    await books.close()
  })

  step('a creator adds an emote, and a member writes it', async () => {
    const books = await creator.context.newPage()
    await books.goto('/earnings')
    await books.getByTestId('emote-name').fill('pogo')
    await books.getByTestId('emote-file').setInputFiles({ name: 'pogo.png', mimeType: 'image/png', buffer: Buffer.from(square, 'base64') })
    await books.getByTestId('emote-add').click()
    const own = books.getByTestId('own-emote')
    await own.waitFor()
    // For one tier only, and for all again.
    const one = books.getByTestId(/^emote-for-/).first()
    for (const forWhom of [/every tier/, /Front row|Friend/]) {
      await until('whom it is for', () => own.locator('span').first().textContent(), (text) => forWhom.test(text))
      await books.getByTestId('emote-edit').click()
      await one.click()
      await books.getByTestId('emote-save').click()
      await one.waitFor({ state: 'detached' })
    }
    await until('whom it is for', () => own.locator('span').first().textContent(), (text) => /every tier/.test(text))
    await books.close()
    await viewer.page.goto('/@mira')
    await viewer.id('chat-input').click()
    await viewer.id('emotes-open').click()
    await viewer.id('emote-pogo').click()
    assert.equal(await viewer.id('chat-input').inputValue(), ':pogo: ')
    await viewer.id('chat-send').click()
    for (const screen of [creator, viewer]) {
      await screen.id('emote').first().waitFor()
      const drawn = await screen.id('emote').first().evaluate((image) => image.decode().then(() => image.naturalWidth))
      assert.ok(drawn >= 28, `it is drawn, ${drawn} pixels wide`)
      await screen.id('loyalty').first().waitFor()
    }
  })

  step('whoever is no member has no emotes, and their text stays text', async () => {
    await signUp(fan, { handle: 'cleo', name: 'Cleo Park' })
    await fan.page.goto('/@mira')
    await fan.id('chat-input').click()
    await say(fan, 'look :pogo:')
    await hears(creator, 'look :pogo:')
    assert.equal(await fan.id('emotes-open').count(), 0)
  })

  step('the viewer gives a month to somebody in the live', async () => {
    await viewer.id('gift-open').click()
    await viewer.id('tab-subscribe').click()
    await viewer.id('give-open').click()
    assert.match(await viewer.id('giving').innerText(), /the money goes back at once.*never charged/s)
    await viewer.id('give-pay').scrollIntoViewIfNeeded()
    assert.match(await viewer.id('give-pay').textContent(), /4\.99/)
    await pay(viewer.id('give-pay'))
    await until('it is handed out', () => viewer.id('given').getAttribute('data-done'), (done) => done === 'true')
    assert.match(await viewer.id('given').textContent(), /Cleo Park/)
    for (const screen of [creator, fan]) await screen.id('gifted-line').first().waitFor()
    await fan.page.goto('/me')
    await until('it is a gift', () => fan.id('own-subscription').getAttribute('data-state'), (state) => state === 'given')
    assert.match(await fan.id('own-subscription').textContent(), /Nothing is charged/)
  })

  step('nothing went wrong in any browser, and the books balance', async () => {
    assert.deepEqual([...creator.faults, ...viewer.faults, ...fan.faults], [])
    const { ended, said } = await busk.stop()
    assert.equal(ended, 'exit 0', said)
    const audit = await busk.audit()
    assert.equal(audit.code, 0, audit.said)
  })

  async function subscription() {
    const answer = await viewer.context.request.get('/api/v1/me/subscriptions')
    return (await answer.json()).items[0]
  }

  /** Presses what opens the provider's page, pays there, and waits until this page knows of it. */
  async function pay(button) {
    await payBy(viewer, button)
    await viewer.id('checkout-paid').waitFor()
  }
})
