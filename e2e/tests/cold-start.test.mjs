/**
 * All of the money, from an empty database to the books: the operator sets the site up by the printed link, a creator
 * goes live and announces an evening with tickets, and a viewer on a phone makes an account, buys coins, sends a gift,
 * subscribes, reads what is for subscribers only, asks a question, buys a ticket, sees that evening, and asks for money
 * back: of unspent coins, which come at once, and of the ticket, which the operator decides. In the end the viewer's
 * receipts, the creator's statement, the operator's page, the ledger and the provider's report say the same.
 *
 * Whatever the viewer does is done on the pages. BUSK_SHOTS names a folder for pictures of the way.
 */
import assert from 'node:assert/strict'
import { after, before, describe } from 'node:test'
import { decodedFrames, openScreen, show, startBrowser } from '../src/browser.mjs'
import { startBusk } from '../src/busk.mjs'
import { goLive, hears, numberBecomes, payBy, roomState, say, signUp } from '../src/people.mjs'
import { steps } from '../src/steps.mjs'
import { until } from '../src/wait.mjs'

/** A square of eight red pixels. */
const square = 'iVBORw0KGgoAAAANSUhEUgAAAAgAAAAICAYAAADED76LAAAAEklEQVR42mP4b6DwHx9mGBkKABV8k4EJgvDYAAAAAElFTkSuQmCC'
const day = 24 * 3600_000

describe('a cold start', { concurrency: 1 }, () => {
  let busk, browser, operator, creator, viewer
  const step = steps('cold-start', () => ({ screens: [operator, creator, viewer], busk }))
  const look = (label) => show(viewer.page, label)
  const fits = async () => assert.ok(await viewer.page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), 'it fits a phone')

  before(async () => {
    busk = await startBusk()
    browser = await startBrowser({ fps: 5 })
    operator = await openScreen(browser, busk, { name: 'operator' })
    creator = await openScreen(browser, busk, { name: 'creator' })
    viewer = await openScreen(browser, busk, { name: 'viewer', width: 390, height: 844, phone: true })
  })
  after(async () => {
    await browser?.close()
    await busk?.remove()
  })

  step('nobody is there yet, and the page says what to do', async () => {
    await viewer.page.goto('/')
    await viewer.page.getByRole('link', { name: 'Go live' }).first().waitFor()
    assert.equal(await viewer.id('room-card').count(), 0)
    await look('empty')
  })

  step('the operator sets the site up by the link that the program printed', async () => {
    const link = busk.said().match(/http\S+\/setup#token=\S+/)?.[0]
    assert.ok(link, busk.said())
    await operator.page.goto(link)
    const form = operator.id('auth-setup')
    await form.locator('input[name=username]').fill('olga')
    await form.locator('input[name=name]').fill('Olga Reyes')
    await form.locator('input[name=password]').fill('correct horse battery')
    await show(operator.page, 'setup')
    await operator.id('auth-submit').click()
    await operator.page.waitForURL('**/operator')
    await operator.id('tab-refunds').waitFor()
    await show(operator.page, 'operator-empty')
  })

  step('a creator sets a tier and an emote, and goes live', async () => {
    await signUp(creator, { handle: 'mira', name: 'Mira Vale' })
    await creator.page.goto('/earnings')
    await creator.id('tier-add').click()
    await creator.id('tier-name').fill('Friend')
    await creator.id('tier-price').fill('4.99')
    await creator.id('tier-draft').locator('textarea').fill('A letter a month')
    await creator.id('tiers-save').click()
    await creator.id('emote-name').fill('pogo')
    await creator.id('emote-file').setInputFiles({ name: 'pogo.png', mimeType: 'image/png', buffer: Buffer.from(square, 'base64') })
    await creator.id('emote-add').click()
    await creator.id('own-emote').waitFor()
    await goLive(creator, 'mira')
    await creator.id('topic-open').click()
    await creator.id('topic-title').fill('Which guitar for the encore')
    await creator.id('topic-set').click()
    await creator.id('own-topic').waitFor()
  })

  step('the viewer makes an account, and finds the live on the front page', async () => {
    await viewer.page.getByRole('link', { name: 'Create account' }).click()
    const form = viewer.id('auth-sign-up')
    await form.locator('input[name=username]').fill('ben')
    await form.locator('input[name=name]').fill('Ben Ode')
    await form.locator('input[name=password]').fill('correct horse battery')
    await look('sign-up')
    await viewer.id('auth-submit').click()
    await viewer.id('room-card').first().waitFor()
    await look('front')
    await viewer.id('room-card').first().click()
    await viewer.id('video').first().waitFor()
    await until('the picture moves', () => decodedFrames(viewer), (frames) => frames > 10)
    await viewer.id('chat-input').waitFor()
    await look('live')
  })

  step('coins are bought on the provider’s page', async () => {
    await viewer.id('gift-open').click()
    await look('gifts')
    await viewer.id('coins-buy').click()
    await viewer.id('pack-coins-350').waitFor()
    await look('packs')
    await viewer.id('pack-coins-350').click()
    await viewer.id('adult-yes').waitFor()
    await look('adult')
    await payBy(viewer, viewer.id('adult-yes'), { look: (page) => show(page, 'checkout') })
    await viewer.id('checkout-paid').waitFor()
    await look('coins-paid')
    await numberBecomes(viewer, 'balance', 350)
    await viewer.id('checkout-paid').getByRole('button').first().click()
  })

  step('a gift is sent, and the creator sees it', async () => {
    await viewer.id('gift-coffee').click()
    await look('gift-chosen')
    await viewer.id('gift-send').click()
    await numberBecomes(viewer, 'balance', 325)
    await creator.id('gift-banner').first().waitFor()
    await viewer.page.getByRole('dialog').getByRole('button', { name: 'Close' }).click()
    await look('gift-sent')
  })

  step('the sub room is shut, and opens for who subscribes', async () => {
    await viewer.id('tab-sub').click()
    await viewer.id('sub-prompt').waitFor()
    await look('sub-prompt')
    await viewer.id('sub-join').click()
    await viewer.id('subscribe-1').waitFor()
    await look('tiers')
    await payBy(viewer, viewer.id('subscribe-1'))
    await viewer.id('sub-room').waitFor()
    await viewer.id('topic').filter({ hasText: 'Which guitar for the encore' }).waitFor()
  })

  step('what subscribers say is read on both sides, with their emotes', async () => {
    await viewer.id('sub-input').click()
    await viewer.id('emotes-open').click()
    await viewer.id('emote-pogo').click()
    await viewer.id('sub-input').fill('The red one :pogo:')
    await viewer.id('sub-send').click()
    await creator.id('desk-sub').click()
    await hears(creator, 'The red one')
    for (const screen of [creator, viewer]) await screen.id('emote').first().waitFor()
    await creator.id('answer').first().click()
    await creator.id('sub-input').fill('The red one it is')
    await creator.id('sub-send').click()
    await hears(viewer, 'The red one it is')
    await look('sub-room')
  })

  step('a poll of theirs is voted in, and its result is there after a reload', async () => {
    await creator.id('poll-start').click()
    await creator.id('poll-question').fill('Loud or soft?')
    await creator.id('poll-answer-0').fill('Loud')
    await creator.id('poll-answer-1').fill('Soft')
    await creator.id('poll-subscribers').click()
    await creator.id('poll-set').click()
    await viewer.id('poll-option-1').waitFor()
    await look('poll')
    await viewer.id('poll-option-1').click()
    await until('the host sees the vote', () => creator.id('poll-votes').first().textContent(), (text) => text.includes('1'))
    await creator.id('poll-close').click()
    const closed = () => until('its result', () => viewer.id('poll').getAttribute('data-open'), (open) => open === 'false')
    await closed()
    await viewer.page.reload()
    await viewer.id('tab-sub').click()
    await closed()
    assert.match(await viewer.id('poll-share-1').textContent(), /Soft.*100/s)
    await hears(viewer, 'The red one')
    await look('poll-result')
  })

  step('a question is asked in the chat, and the host has it on the list', async () => {
    await viewer.id('tab-chat').click()
    await viewer.id('question-ask').click()
    await viewer.id('chat-input').fill('When do you play in Lyon?')
    await look('asking')
    await viewer.id('chat-send').click()
    await viewer.id('question').filter({ hasText: 'Lyon' }).waitFor()
    await hears(viewer, 'Lyon')
    const listed = creator.id('own-question').filter({ hasText: 'Lyon' })
    await listed.waitFor()
    await look('question')
    await listed.getByRole('button', { name: 'Answered' }).click()
    await viewer.id('question').waitFor({ state: 'detached' })
    assert.equal(await viewer.id('question-ask').getAttribute('aria-pressed'), 'false')
  })

  step('the live ends, and an evening with tickets begins', async () => {
    await creator.id('end-live').click()
    await creator.id('end-confirm').click()
    await creator.id('summary').waitFor()
    await until('the room has ended', () => roomState(creator, 'mira'), (state) => state === null)
    await look('ended')
    await creator.page.goto('/studio')
    await creator.id('page-new').click()
    await creator.id('page-name').fill('The Cellar')
    await creator.id('page-handle').fill('cellar')
    await creator.id('page-create').click()
    await until('the page is chosen', () => creator.page.getByLabel('Which channel?').inputValue(), (page) => page === 'cellar')
    await creator.id('live-title').fill('Cellar night')
    await creator.page.getByLabel('Who may enter?').selectOption('ticket')
    await creator.id('offer-price').fill('12.50')
    await creator.id('offer-seats').fill('20')
    await creator.id('go-live').click()
    await until('the room is live', () => roomState(creator, 'cellar'), (state) => state === 'live')
  })

  step('the viewer meets the gate, buys a ticket, and is in', async () => {
    await viewer.page.goto('/')
    await viewer.id('room-card').filter({ hasText: 'Cellar night' }).click()
    await viewer.id('ticket-buy').waitFor()
    await fits()
    await look('gate')
    await payBy(viewer, viewer.id('ticket-buy'))
    await viewer.id('video').first().waitFor()
    await until('the picture moves', () => decodedFrames(viewer), (frames) => frames > 10)
    await say(viewer, 'glad to be in')
    await hears(creator, 'glad to be in')
    await look('ticketed')
  })

  step('the account has all of it', async () => {
    await viewer.page.goto('/me')
    await until('three purchases', () => viewer.id('purchase').allTextContents(), (all) => all.length === 3)
    const [ticket, month, coins] = await viewer.id('purchase').allTextContents()
    assert.match(ticket, /Ticket · The Cellar.*12\.50.*Paid/s)
    assert.match(month, /Subscription · Mira Vale.*4\.99.*Paid/s)
    assert.match(coins, /350 coins.*3\.50.*Paid/s)
    await fits()
    for (const part of ['purchases', 'tickets', 'subscriptions']) {
      await viewer.id(part).scrollIntoViewIfNeeded()
      await look(`account-${part}`)
    }
  })

  step('unspent coins are given back at once', async () => {
    await askBack(2, 'I bought too many')
    await until('the money is back', () => back(2), ({ state }) => state === 'done')
    assert.match((await back(2)).text, /3\.25.*is back with you/)
    assert.match(await viewer.id('purchase').nth(2).textContent(), /3\.25 given back/)
    await look('coins-back')
  })

  step('the ticket’s money waits for the operator, who gives it back', async () => {
    await askBack(0, 'I have to leave early')
    const { state, text } = await back(0)
    assert.equal(state, 'requested')
    assert.match(text, /12\.50 asked for: the site’s operator decides/)
    assert.equal(await viewer.id('purchase').first().getByTestId('ask-money-back').count(), 0, 'once is enough')
    await look('ticket-asked')
    await operator.page.goto('/operator')
    await operator.id('tab-refunds').click()
    await operator.page.getByText('I have to leave early').waitFor()
    await operator.id('refund-answer').fill('Another time, then')
    await show(operator.page, 'operator-refund')
    await operator.id('refund-grant').click()
    await until('the money is back', () => back(0), ({ state }) => state === 'done')
    assert.match((await back(0)).text, /12\.50.*is back with you.*Another time, then/s)
    await until('the ticket is no more', () => viewer.id('my-ticket').getAttribute('data-state'), (state) => state === 'returned')
    await look('ticket-back')
    await viewer.page.goto('/@cellar')
    await viewer.id('ticket-buy').waitFor()
    assert.equal(await viewer.id('video').count(), 0)
  })

  step('the receipts say what was paid, and what came back', async () => {
    await viewer.page.goto('/me')
    const expected = [
      ['The Cellar', '12.50 USD', /given back.*12\.50/is],
      ['Mira Vale', '4.99 USD', /Ben Ode \(@ben\)/],
      ['350 coins', '3.50 USD', /given back.*3\.25/is],
    ]
    for (const [place, [what, price, more]] of expected.entries()) {
      const opened = viewer.context.waitForEvent('page')
      await viewer.id('receipt').nth(place).click()
      const receipt = await opened
      const text = await receipt.locator('main').innerText()
      for (const part of [what, price]) assert.ok(text.includes(part), `${part} in ${text}`)
      assert.match(text, more)
      assert.ok(await receipt.evaluate(() => document.documentElement.scrollWidth <= innerWidth), 'it fits a phone')
      await show(receipt, `receipt-${place}`)
      await receipt.close()
    }
  })

  step('the creator’s statement has the gift and the month, and adds up', async () => {
    const books = await creator.context.newPage()
    await books.goto('/earnings')
    const lines = books.getByTestId('statement-line')
    await lines.first().waitFor()
    const kinds = await lines.evaluateAll((rows) => rows.map((row) => [row.dataset.kind, row.dataset.check].join(' ')))
    assert.deepEqual(kinds, ['subscription ok', 'gift ok'])
    assert.match(await lines.first().textContent(), /3\.49/)
    for (const line of [lines.nth(0), lines.nth(1)]) {
      await line.click()
      await books.locator('[data-testid=statement-agrees][data-same=true]').waitFor()
      await line.click()
      await books.getByTestId('statement-agrees').waitFor({ state: 'detached' })
    }
    // Half of 25 coins; the tie is the creator's.
    assert.equal(await books.getByTestId('earnings-pending').textContent(), '13')
    await show(books, 'statement')
    // The page's: its only ticket was given back before it was earned.
    await books.getByLabel('Which channel?').selectOption('cellar')
    await books.waitForURL('**/earnings?channel=cellar')
    await books.getByTestId('earnings-pending').filter({ hasText: /^0$/ }).waitFor()
    await books.getByRole('heading', { name: 'Statement' }).waitFor()
    await until('it has no lines', () => lines.count(), (count) => count === 0)
    await show(books, 'statement-of-the-page')
    await books.close()
  })

  step('nothing went wrong in any browser; books, site and provider agree', async () => {
    await operator.page.goto('/operator')
    await operator.id('audit-now').click()
    await until('the books balance', () => operator.id('audit').getAttribute('data-ok'), (ok) => ok === 'true')
    await show(operator.page, 'operator-books')
    // Browsers write every refusal into their console: here the gate's.
    const faults = [operator, creator, viewer].flatMap((screen) => screen.faults)
    assert.deepEqual(faults.filter((fault) => !/status of 403 .*\/rooms\/[^/]+\/stage\)/.test(fault)), [])
    const { ended, said } = await busk.stop()
    assert.equal(ended, 'exit 0', said)
    const audit = await busk.audit('--settlements', '--to', new Date(Date.now() + day).toISOString())
    assert.equal(audit.code, 0, audit.said)
    // Three payments and two refunds.
    assert.match(audit.said, /5 movements as reported/)
  })

  /** Asks for the money of the purchase at this place of the list. */
  async function askBack(place, why) {
    const row = viewer.id('purchase').nth(place)
    await row.getByTestId('ask-money-back').click()
    await viewer.id('money-back-why').fill(why)
    await look('asking-back')
    await viewer.id('money-back-send').click()
    await row.getByTestId('purchase-back').waitFor()
  }

  /** What the account says became of it, after a look at it anew. */
  async function back(place) {
    const row = viewer.id('purchase').nth(place).getByTestId('purchase-back')
    await viewer.page.reload()
    await row.scrollIntoViewIfNeeded()
    return { state: await row.getAttribute('data-state'), text: (await row.textContent()).trim() }
  }
})
