/**
 * A chat and those who run it: a host takes a moderator into the team; the moderator times somebody out with one key and
 * lets them back, slows the chat, holds a word and lets a message through; the viewer answers, is called, and follows.
 */
import assert from 'node:assert/strict'
import { after, before, describe } from 'node:test'
import { openScreen, startBrowser } from '../src/browser.mjs'
import { startBusk } from '../src/busk.mjs'
import { goLive, hears, say, sayWhenLet, signUp } from '../src/people.mjs'
import { steps } from '../src/steps.mjs'
import { until } from '../src/wait.mjs'

describe('moderation', { concurrency: 1 }, () => {
  let busk, browser, host, mod, eve
  const step = steps('moderation', () => ({ screens: [host, mod, eve], busk }))
  const line = (screen, text) => screen.id('chat-message').filter({ hasText: text }).last()
  const gone = (screen, text) => until(`${text} is gone from ${screen.name}`, () => screen.page.getByText(text, { exact: true }).count(), (seen) => seen === 0)
  const refused = (screen, words) => screen.page.getByRole('alert').filter({ hasText: words }).waitFor()
  async function openMenu(screen, of) {
    await of.hover()
    await of.getByTestId('line-menu').click()
    await screen.id('line-panel').waitFor()
  }

  before(async () => {
    busk = await startBusk()
    browser = await startBrowser({ fps: 5 })
    host = await openScreen(browser, busk, { name: 'host' })
    mod = await openScreen(browser, busk, { name: 'mod', width: 1280, height: 800 })
    eve = await openScreen(browser, busk, { name: 'eve', width: 390, height: 844, phone: true })
  })
  after(async () => {
    await browser?.close()
    await busk?.remove()
  })

  step('a host takes somebody into the team', async () => {
    await signUp(host, { handle: 'mira', name: 'Mira Vale' })
    await signUp(mod, { handle: 'moe', name: 'Mo' })
    await signUp(eve, { handle: 'eve', name: 'Eve Ode' })
    await goLive(host, 'mira')
    await mod.page.goto('/@mira')
    await eve.page.goto('/@mira')
    await mod.id('chat-input').waitFor()
    assert.equal(await mod.id('moderation-open').count(), 0)
    await host.id('moderation-open').click()
    await host.id('team-area').locator('summary').click()
    await host.id('team-handle').fill('@moe')
    await host.id('team-add').click()
    await until('two in the team', () => host.id('team-mate').count(), (seen) => seen === 2)
    await host.page.keyboard.press('Escape')
    await mod.id('moderation-open').waitFor()
    assert.equal(await eve.id('moderation-open').count(), 0)
  })

  step('a chat beside a picture is wide enough to read', async () => {
    const width = await mod.page.getByRole('log').evaluate((list) => list.getBoundingClientRect().width)
    assert.ok(width > 340, `${width} px`)
  })

  step('one key times somebody out, and what they said is gone everywhere', async () => {
    await say(eve, 'buy my things')
    await hears(host, 'buy my things')
    await openMenu(mod, line(mod, 'buy my things'))
    await mod.id('line-history').getByText('buy my things').waitFor()
    await mod.page.keyboard.press('t')
    await Promise.all([host, mod, eve].map((screen) => gone(screen, 'buy my things')))
    await say(eve, 'but why')
    await refused(eve, /timed you out/)
    await eve.page.reload()
    await eve.id('chat-input').waitFor()
    await eve.id('chat-message').first().waitFor({ state: 'detached' })
    assert.equal(await eve.page.getByText('buy my things').count(), 0)
  })

  step('the history shows it, and the way back', async () => {
    const removed = mod.id('chat-message').and(mod.page.locator('[data-state=deleted]')).first()
    await openMenu(mod, removed)
    await mod.id('line-history').getByText('buy my things').waitFor()
    await mod.id('line-end-time-out').click()
    await say(eve, 'thank you @moe see https://example.org/x')
    await hears(mod, 'thank you')
    const link = line(mod, 'thank you').locator('a')
    assert.equal(await link.getAttribute('href'), 'https://example.org/x')
    assert.match(await link.getAttribute('rel'), /nofollow.*noopener/)
    assert.equal(await line(mod, 'thank you').getByTestId('mention-me').textContent(), '@moe')
    assert.equal(await line(host, 'thank you').getByTestId('mention-me').count(), 0)
  })

  step('somebody answers, and the other reads what was answered', async () => {
    await openMenu(mod, line(mod, 'thank you'))
    await mod.page.keyboard.press('r')
    await mod.id('answered').waitFor()
    await say(mod, 'you are welcome')
    await hears(eve, 'you are welcome')
    assert.match(await line(eve, 'you are welcome').getByTestId('line-reply').textContent(), /Eve Ode.*thank you/)
  })

  step('a moderator pins what was said, and takes it off', async () => {
    await openMenu(mod, line(mod, 'you are welcome'))
    await mod.page.keyboard.press('p')
    await eve.id('pinned').getByText('you are welcome').waitFor()
    assert.equal(await eve.id('unpin').count(), 0)
    await mod.id('unpin').click()
    await eve.id('pinned').waitFor({ state: 'detached' })
  })

  step('a slow chat says so, and how long to wait', async () => {
    await mod.id('moderation-open').click()
    await mod.id('mode-slow').locator('select').selectOption('120')
    await eve.id('chat-chip').filter({ hasText: '120' }).waitFor()
    await say(eve, 'once more')
    await refused(eve, /Slow mode: wait \d+ s/)
    assert.equal(await eve.id('chat-input').inputValue(), 'once more', 'the words are not lost')
    await mod.id('mode-slow').locator('select').selectOption('off')
    await eve.id('chat-chip').first().waitFor({ state: 'detached' })
  })

  step('a held message waits, and is said when a moderator lets it through', async () => {
    await mod.id('words-area').locator('summary').click()
    await mod.id('words-text').fill('rude')
    await mod.id('words-save').click()
    await mod.page.getByText('Saved', { exact: true }).waitFor()
    await sayWhenLet(eve, 'so r.ú.d.e', eve.id('line-held'))
    await until('it waits, once', () => mod.id('held-message').count(), (seen) => seen === 1)
    await mod.id('held-message').filter({ hasText: 'so r.ú.d.e' }).getByTestId('held-approve').click()
    await hears(host, 'so r.ú.d.e')
    await eve.id('line-held').waitFor({ state: 'detached' })
    await mod.page.keyboard.press('Escape')
  })

  step('the viewer follows, and blocks', async () => {
    await eve.page.locator('button[data-testid=follow]').click()
    await until('eve follows', () => eve.page.locator('button[data-testid=follow]').getAttribute('aria-pressed'), (seen) => seen === 'true')
    await line(eve, 'you are welcome').getByTestId('line-menu').click()
    await eve.id('line-block').click()
    await eve.page.getByText('Mo is blocked').waitFor()
    assert.equal(await eve.id('chat-message').filter({ hasText: 'you are welcome' }).count(), 0)
    await eve.page.reload()
    await hears(eve, 'so r.ú.d.e')
    await until('what they said is not shown again', () => eve.id('chat-message').filter({ hasText: 'you are welcome' }).count(), (seen) => seen === 0)
  })

  step('nothing went wrong in the browsers', () => {
    assert.deepEqual([host, mod, eve].flatMap((screen) => screen.faults), [])
  })
})
