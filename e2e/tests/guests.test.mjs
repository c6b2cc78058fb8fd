/** People without an account: they watch, take a name, and chat; what they write stays text; and one signs up on the way. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { openScreen, photograph, startBrowser } from '../src/browser.mjs'
import { startBusk } from '../src/busk.mjs'
import { goLive, hears, me, say, signUp } from '../src/people.mjs'
import { until } from '../src/wait.mjs'

let busk, browser, host, guest
before(async () => {
  busk = await startBusk()
  browser = await startBrowser()
  host = await openScreen(browser, busk, { name: 'host' })
  guest = await openScreen(browser, busk, { name: 'guest' })
})
after(async () => {
  await browser?.close()
  await busk?.remove()
})

test('a guest takes a name and chats, and markup stays text', async () => {
  try {
    await signUp(host, { handle: 'noor', name: 'Noor' })
    await goLive(host, 'noor')
    await guest.page.goto('/@noor')

    await guest.id('guest-name').fill('Passer-by')
    await guest.id('guest-join').click()
    await until('a guest', () => me(guest), (seen) => seen.kind === 'guest')
    const markup = '<img src=x onerror="document.title=1"><b>bold</b>'
    await say(guest, markup)
    await hears(host, markup)
    assert.equal(await host.page.locator('img[src="x"]').count(), 0)
    assert.notEqual(await host.page.title(), '1')
    assert.deepEqual([...host.faults, ...guest.faults], [])
  } catch (problem) {
    await photograph([host, guest], 'guests')
    throw problem
  }
})

test('a guest who follows makes an account on the way, and nothing else opens', async () => {
  try {
    const follow = guest.page.locator('button[data-testid=follow]')
    await follow.click()
    await guest.page.getByRole('button', { name: 'Create account' }).click()
    assert.equal(await guest.page.locator('input[name=name]').inputValue(), 'Passer-by')
    await guest.page.locator('input[name=username]').fill('passer')
    await guest.page.locator('input[name=password]').fill('correct horse battery')
    await guest.id('auth-submit').click()
    await until('the new account follows', () => follow.getAttribute('aria-pressed'), (seen) => seen === 'true')
    assert.equal((await me(guest)).handle, 'passer')
    assert.equal(await guest.id('gift-send').count() + (await guest.id('auth-submit').count()), 0)
    assert.deepEqual([...host.faults, ...guest.faults], [])
  } catch (problem) {
    await photograph([host, guest], 'guests')
    throw problem
  }
})
