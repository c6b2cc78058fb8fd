/**
 * The sub room on a phone: a viewer subscribes in it, reads and writes, votes, and sees a message in the spotlight; one who
 * does not subscribe sees that it is there, and nothing else. The host leads it from the studio.
 */
import assert from 'node:assert/strict'
import { after, before, describe } from 'node:test'
import { openScreen, startBrowser } from '../src/browser.mjs'
import { startBusk } from '../src/busk.mjs'
import { goLive, hears, payBy, say, signUp } from '../src/people.mjs'
import { steps } from '../src/steps.mjs'
import { until } from '../src/wait.mjs'

describe('the sub room', { concurrency: 1 }, () => {
  let busk, browser, creator, fan, other
  const step = steps('subroom', () => ({ screens: [creator, fan, other], busk }))

  before(async () => {
    busk = await startBusk()
    browser = await startBrowser({ fps: 5 })
    creator = await openScreen(browser, busk, { name: 'creator' })
    fan = await openScreen(browser, busk, { name: 'fan', width: 390, height: 844, phone: true })
    other = await openScreen(browser, busk, { name: 'other', width: 390, height: 844, phone: true })
  })
  after(async () => {
    await browser?.close()
    await busk?.remove()
  })

  step('a creator with a tier goes live, and opens a topic', async () => {
    await signUp(creator, { handle: 'mira', name: 'Mira Vale' })
    const tiers = [{ name: 'Friend', about: 'A letter a month', price: 499, ticket_discount: 0 }]
    const set = await creator.context.request.put('/api/v1/channels/mira/tiers', { data: { tiers } })
    assert.equal(set.status(), 200)
    await goLive(creator, 'mira')
    await creator.id('topic-open').click()
    await creator.id('topic-title').fill('Which guitar for the encore')
    await creator.id('topic-set').click()
    await creator.id('own-topic').waitFor()
  })

  step('both viewers find the prompt, and one subscribes there', async () => {
    await signUp(fan, { handle: 'ben', name: 'Ben Ode' })
    await signUp(other, { handle: 'cleo', name: 'Cleo Tan' })
    for (const screen of [fan, other]) {
      await screen.page.goto('/@mira')
      await screen.id('tab-sub').click()
      await screen.id('sub-prompt').waitFor()
    }
    await fan.id('sub-join').click()
    await fan.id('subscribe-1').click()
    await payBy(fan, fan.id('adult-yes'))
    await fan.id('sub-room').waitFor()
    await fan.id('topic').filter({ hasText: 'Which guitar for the encore' }).waitFor()
  })

  step('what is said in it is read by the host, answered, and by nobody else', async () => {
    await fan.id('sub-input').fill('The red one, please')
    await fan.id('sub-send').click()
    await creator.id('desk-sub').click()
    await hears(creator, 'The red one, please')
    await creator.id('answer').first().click()
    await creator.id('sub-input').fill('The red one it is')
    await creator.id('sub-send').click()
    await hears(fan, 'The red one it is')
    await fan.id('answer-to').waitFor()
    assert.equal(await other.id('sub-room').count(), 0)
    assert.ok(!(await other.page.content()).includes('red one'))
  })

  step('a poll for subscribers is theirs', async () => {
    await creator.id('poll-start').click()
    await creator.id('poll-question').fill('Loud or soft?')
    await creator.id('poll-answer-0').fill('Loud')
    await creator.id('poll-answer-1').fill('Soft')
    await creator.id('poll-subscribers').click()
    await creator.id('poll-set').click()
    await fan.id('poll-option-1').click()
    await until('the vote is counted', () => fan.id('poll-share-1').textContent(), (text) => text.includes('100'))
    await until('the host sees it', () => creator.id('poll-votes').first().textContent(), (text) => text.includes('1'))
    await creator.id('poll-close').click()
    await until('it is closed', () => fan.id('poll').getAttribute('data-open'), (open) => open === 'false')
    assert.equal(await other.id('poll').count(), 0)
  })

  step('a message in the spotlight is over the picture, of the sub room for its readers', async () => {
    await creator.id('spotlight-pick').click()
    await creator.id('pick-message').filter({ hasText: 'please' }).getByTestId('show-subscribers').click()
    await fan.id('spotlight').filter({ hasText: 'please' }).waitFor()
    await creator.id('spotlight-answered').click()
    await fan.id('spotlight').waitFor({ state: 'detached' })
    await other.id('tab-chat').click()
    await say(other, 'What is this song?')
    await creator.id('spotlight-pick').click()
    await creator.id('pick-message').filter({ hasText: 'song' }).getByTestId('show-everyone').click()
    for (const screen of [fan, other]) await screen.id('spotlight').filter({ hasText: 'What is this song?' }).waitFor()
    assert.ok(!(await other.page.content()).includes('please'))
    await creator.id('spotlight-answered').click()
    for (const screen of [fan, other]) await screen.id('spotlight').waitFor({ state: 'detached' })
  })

  step('the host hides the chat from their own screen alone', async () => {
    await creator.id('desk-hide').click()
    assert.equal(await creator.id('chat-input').count(), 0)
    await fan.id('tab-chat').click()
    await say(fan, 'still here')
    await hears(other, 'still here')
  })

  step('nothing went wrong in any browser, and the books balance', async () => {
    assert.deepEqual([...creator.faults, ...fan.faults, ...other.faults], [])
    const { ended, said } = await busk.stop()
    assert.equal(ended, 'exit 0', said)
  })
})
