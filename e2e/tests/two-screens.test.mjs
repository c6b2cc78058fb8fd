/**
 * The whole walk on two screens: a creator goes live from a browser, a viewer watches, both chat, the viewer buys
 * coins and sends a gift, both see it, and the creator's statement opens down to the transfers.
 */
import assert from 'node:assert/strict'
import { after, before, describe } from 'node:test'
import { gzipSync } from 'node:zlib'
import { decodedFrames, openScreen, startBrowser } from '../src/browser.mjs'
import { startBusk } from '../src/busk.mjs'
import { goLive, hears, me, number, numberBecomes, roomState, say, signUp } from '../src/people.mjs'
import { steps } from '../src/steps.mjs'
import { until } from '../src/wait.mjs'

const scriptBudgetBytes = 40 * 1024

describe('two screens', { concurrency: 1 }, () => {
  let busk, browser, creator, viewer
  const step = steps('two-screens', () => ({ screens: [creator, viewer], busk }))

  before(async () => {
    busk = await startBusk()
    browser = await startBrowser()
    creator = await openScreen(browser, busk, { name: 'creator' })
    viewer = await openScreen(browser, busk, { name: 'viewer', width: 390, height: 844, phone: true })
  })
  after(async () => {
    await browser?.close()
    await busk?.remove()
  })

  step('both make an account', async () => {
    await signUp(creator, { handle: 'mira', name: 'Mira Vale' })
    await signUp(viewer, { handle: 'ben', name: 'Ben Ode' })
  })

  step('the creator is live with one click in the studio', () => goLive(creator, 'mira'))

  step('the viewer sees pictures that move, with little script before the first', async () => {
    viewer.scripts.length = 0
    await viewer.page.addInitScript(() => document.addEventListener('playing', () => (globalThis.firstFrameMs ??= performance.now()), true))
    await viewer.page.goto('/@mira')
    const first = await until('decoded frames', () => decodedFrames(viewer), (frames) => frames > 0)
    const early = await viewer.page.evaluate(() =>
      performance.getEntriesByType('resource').filter((entry) => entry.startTime < globalThis.firstFrameMs).map((entry) => entry.name),
    )
    const scripts = viewer.scripts.filter((script) => early.includes(script.url()))
    const bytes = await Promise.all(scripts.map((script) => script.body().then((body) => gzipSync(body).length)))
    const total = bytes.reduce((sum, size) => sum + size, 0)
    assert.ok(total > 0 && total <= scriptBudgetBytes, `${total} bytes of gzipped script before the first frame`)
    // A second's worth more: the stream goes on, it is not one still picture.
    await until('more frames', () => decodedFrames(viewer), (frames) => frames >= first + 15)
    const size = await viewer.id('video').first().evaluate((video) => [video.videoWidth, video.videoHeight])
    assert.ok(size[0] >= 160 && size[1] >= 90, `the picture is ${size}`)
  })

  step('chat arrives on both screens', async () => {
    await say(viewer, 'good evening from the back row')
    await hears(creator, 'good evening from the back row')
    await hears(viewer, 'good evening from the back row')
    await say(creator, 'welcome Ben')
    await hears(viewer, 'welcome Ben')
  })

  step('the viewer buys coins on the provider’s page', async () => {
    await viewer.id('gift-open').click()
    await viewer.id('coins-buy').click()
    await viewer.id('pack-coins-350').click()
    const opened = viewer.context.waitForEvent('page')
    await viewer.id('adult-yes').click()
    await pay(await opened)
    await until('the coins', () => me(viewer), (seen) => seen.coins === 350)
    await numberBecomes(viewer, 'balance', 350)
  })

  step('a gift shows on both screens and moves the money', async () => {
    const diamonds = await number(creator, 'studio-diamonds')
    await viewer.page.getByTestId('checkout-paid').getByRole('button').first().click()
    await viewer.id('gift-coffee').click()
    await viewer.id('gift-send').click()
    await Promise.all([creator, viewer].map((screen) => screen.id('gift-banner').first().waitFor()))
    await numberBecomes(viewer, 'balance', 325)
    await until('the diamonds', () => number(creator, 'studio-diamonds'), (seen) => seen > diamonds)
    assert.equal((await me(viewer)).coins, 325)
  })

  step('a spending cap holds at once, and is raised a day later', async () => {
    const profile = await viewer.context.newPage()
    const cap = async (text, check) => {
      await profile.getByTestId('cap-day').fill(text)
      await profile.getByTestId('caps-save').click()
      const read = () => profile.request.get('/api/v1/me/spending-caps').then((answer) => answer.json())
      return await until(`the cap ${text}`, read, check)
    }
    await profile.goto('/me')
    // 3.50 are spent already.
    const set = await cap('4', (caps) => caps.day.limit === 400)
    assert.deepEqual([set.day.spent, set.month.limit], [350, null])
    await profile.getByTestId('coins-buy').click()
    await profile.getByTestId('pack-coins-70').click()
    await profile.getByRole('dialog').getByRole('alert').waitFor()
    await profile.keyboard.press('Escape')
    const raised = await cap('100', (caps) => caps.day.raise?.limit === 10_000)
    assert.equal(raised.day.limit, 400)
    await profile.close()
  })

  step('the statement line opens to the transfers behind it', async () => {
    const statement = await creator.context.newPage()
    await statement.goto('/earnings')
    const line = statement.locator('[data-testid=statement-line][data-kind=gift]').first()
    await line.click()
    // The page adds the transfers up itself and says whether they come to the line's figures.
    await statement.locator('[data-testid=statement-agrees][data-same=true]').waitFor()
    const accounts = await statement.getByTestId('statement-detail').locator('code').allTextContents()
    assert.ok(accounts.some((name) => name.startsWith('wallet')), `the gift comes from a wallet: ${accounts}`)
    assert.ok(accounts.some((name) => name.startsWith('diamonds.pending')), `and ends as diamonds: ${accounts}`)
    assert.equal(await line.getAttribute('data-check'), 'ok')
    await statement.close()
  })

  step('the show ends when the creator says so twice', async () => {
    await creator.id('end-live').click()
    await creator.id('end-confirm').click()
    await creator.id('summary').waitFor()
    await until('the room has ended', () => roomState(creator, 'mira'), (state) => state === null)
    await until('the viewer is told', () => viewer.id('video').count(), (players) => players === 0)
  })

  step('nothing went wrong in either browser, and the books balance', async () => {
    // Browsers write every refusal into their console, also the one that was wanted.
    const faults = viewer.faults.filter((fault) => !/status of 409 .*coin-purchases/.test(fault))
    assert.deepEqual([...creator.faults, ...faults], [])
    const { ended, said } = await busk.stop()
    assert.equal(ended, 'exit 0', said)
    const audit = await busk.audit()
    assert.equal(audit.code, 0, audit.said)
  })

  async function pay(checkout) {
    await checkout.waitForURL('**/sandbox/checkout/**')
    await checkout.getByTestId('sandbox-pay').click()
  }
})
