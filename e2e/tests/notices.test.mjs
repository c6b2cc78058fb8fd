/**
 * Being told: a fan on a phone follows a channel, gives an address and confirms it by the letter's link; the channel goes
 * live, the bell says so and a letter comes; the fan switches e-mail off. A service worker shows what a push service
 * brings. An announced live can be put into a calendar, and a page of another site shows the live in a frame.
 */
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { after, before, describe } from 'node:test'
import { openScreen, photograph, startBrowser } from '../src/browser.mjs'
import { startBusk } from '../src/busk.mjs'
import { goLive, signUp } from '../src/people.mjs'
import { startRelay } from '../src/relay.mjs'
import { steps } from '../src/steps.mjs'
import { until } from '../src/wait.mjs'

describe('notices', { concurrency: 1 }, () => {
  let busk, browser, relay, host, fan, elsewhere, others
  const step = steps('notices', () => ({ screens: [host, fan, elsewhere], busk }))
  /** In both looks, for whoever looks at them. */
  const pictures = async (screen, label) => {
    for (const colorScheme of ['light', 'dark']) {
      await screen.page.emulateMedia({ colorScheme })
      await photograph([screen], `notices-${label}-${colorScheme}`)
    }
    await screen.page.emulateMedia({ colorScheme: 'light' })
  }

  before(async () => {
    relay = await startRelay()
    busk = await startBusk('serve', ['--smtp-url', `smtp://127.0.0.1:${relay.port}`, '--mail-from', 'live@busk.example'])
    browser = await startBrowser()
    host = await openScreen(browser, busk, { name: 'host', width: 1280, height: 800 })
    fan = await openScreen(browser, busk, { name: 'fan', width: 390, height: 844, phone: true })
    elsewhere = await openScreen(browser, busk, { name: 'elsewhere', width: 1280, height: 800 })
    others = createServer((_, answer) => {
      answer.writeHead(200, { 'content-type': 'text/html' })
      answer.end(`<!doctype html><title>A blog</title><h1>A blog</h1><iframe src="${busk.url}/embed/@mira" width="640" height="360" allow="autoplay; fullscreen"></iframe>`)
    })
    await new Promise((ready) => others.listen(0, '127.0.0.1', ready))
  })
  after(async () => {
    await browser?.close()
    others?.closeAllConnections()
    others?.close()
    relay?.close()
    await busk?.remove()
  })

  step('a live is announced in the studio, changed, and cancelled', async () => {
    await signUp(host, { handle: 'mira', name: 'Mira Vale' })
    await host.page.goto('/studio')
    await host.page.getByRole('tab', { name: 'Schedule' }).click()
    await host.page.getByLabel('What is this live called?').fill('Songs at noon')
    await host.id('schedule').click()
    await host.id('announced').getByText('Songs at noon').waitFor()
    const room = async () => (await (await host.context.request.get('/api/v1/channels/mira')).json()).room
    const before = await room()
    await host.id('announced-change').click()
    await host.id('announced-title').fill('Songs at midnight')
    await host.id('announced-at').fill('2001-01-01T20:00')
    await host.id('announced-save').click()
    await host.id('announced').locator('[aria-invalid=true]').waitFor()
    assert.deepEqual(await room(), before, 'a time that has passed is refused')
    await host.id('announced-at').fill(`${new Date().getUTCFullYear() + 1}-01-01T20:00`)
    await host.id('announced-save').click()
    await host.id('announced').getByText('Songs at midnight').waitFor()
    await pictures(host, 'announced')
    const after = await room()
    assert.deepEqual([after.id, after.title, after.state], [before.id, 'Songs at midnight', 'scheduled'])
    assert.ok(after.scheduled_at > before.scheduled_at)
    await host.id('announced-cancel').click()
    await host.id('announced-cancel-confirm').click()
    await host.id('schedule').waitFor()
    assert.equal(await room(), null)
  })

  step('a live is announced, and its page offers it to calendars', async () => {
    const at = new Date(Date.now() + 3 * 24 * 3600_000).toISOString()
    const made = await host.context.request.post('/api/v1/rooms', { data: { title: 'Songs at dusk', scheduled_at: at } })
    assert.equal(made.status(), 201)
    await signUp(fan, { handle: 'ben', name: 'Ben Ode' })
    await fan.page.goto('/@mira')
    const link = await fan.id('add-to-calendar').getAttribute('href')
    const calendar = await (await fan.context.request.get(link)).text()
    assert.match(calendar, /SUMMARY:Mira Vale: Songs at dusk\r\n/)
    const alternates = await fan.page.locator('link[rel=alternate]').evaluateAll((links) => links.map(({ type, href }) => [type, href]))
    assert.deepEqual(alternates.map(([type]) => type).sort(), ['application/json+oembed', 'application/rss+xml', 'text/calendar'])
    const [, oembed] = alternates.find(([type]) => type === 'application/json+oembed')
    assert.equal((await (await fan.context.request.get(oembed)).json()).author_name, 'Mira Vale')
  })

  step('a fan follows, silences the bell, and lets it ring again', async () => {
    await fan.id('follow').click()
    const bell = fan.id('bell-mira')
    await bell.waitFor()
    await pictures(fan, 'page')
    await bell.click()
    await until('it is silent', () => bell.getAttribute('aria-pressed'), (seen) => seen === 'false')
    await bell.click()
    await until('it rings', () => bell.getAttribute('aria-pressed'), (seen) => seen === 'true')
  })

  step('the fan gives an address, and confirms it by the link of the letter', async () => {
    await fan.page.goto('/me#notices')
    await fan.id('notice-address').fill('ben at example')
    await fan.id('notice-address').fill('ben@example.org')
    await fan.id('notice-address-give').click()
    await fan.id('notice-address-is').getByText('A letter is on its way').waitFor()
    const [letter] = await until('the letter', () => relay.letters, (letters) => letters.length === 1)
    assert.equal(letter.to, 'ben@example.org')
    await elsewhere.page.goto(/http\S+confirm-address\S+/.exec(letter.text)[0])
    await pictures(elsewhere, 'confirm')
    await elsewhere.page.getByRole('button', { name: 'Yes, it is mine' }).click()
    await elsewhere.page.getByText('Thank you.').waitFor()
    await fan.page.reload()
    await fan.id('notice-address-is').getByText('To ben@example.org').waitFor()
    await fan.id('notice-settings').scrollIntoViewIfNeeded()
    await pictures(fan, 'settings')
  })

  step('the channel goes live: the bell says so, and a letter comes', async () => {
    await fan.page.goto('/')
    await fan.id('notices').waitFor()
    assert.equal(await fan.id('notices-unread').count(), 0)
    await goLive(host, 'mira')
    await until('a notice', async () => (await (await fan.context.request.get('/api/v1/me/notices')).json()).unread, (unread) => unread === 1)
    await fan.page.reload()
    await until('the count', () => fan.id('notices-unread').textContent(), (seen) => seen === '1')
    await pictures(fan, 'bell')
    await fan.id('notices').click()
    await fan.id('notice').getByText('Mira Vale is live').waitFor()
    assert.equal(await fan.id('notices-unread').count(), 0)
    await pictures(fan, 'list')
    const [, letter] = await until('the second letter', () => relay.letters, (letters) => letters.length === 2)
    assert.match(letter.text, /List-Unsubscribe-Post: List-Unsubscribe=One-Click/)
    await fan.id('notice').click()
    await fan.page.waitForURL('**/@mira')
    await fan.id('video').first().waitFor()
    await fan.page.goto('/')
    await until('it stays read', async () => (await (await fan.context.request.get('/api/v1/me/notices')).json()).unread, (unread) => unread === 0)
  })

  step('the service worker shows what a push service brings, and opens nothing but this site', async () => {
    const { page, context } = fan
    await page.goto('/me')
    await page.evaluate(async () => {
      await navigator.serviceWorker.register('/notices.js')
      await navigator.serviceWorker.ready
    })
    const worker = await until('the worker', () => context.serviceWorkers()[0] ?? null, (is) => is !== null)
    // What the browser would do with it is noted instead: without a screen it shows nothing.
    const told = (data) =>
      worker.evaluate(async (data) => {
        let shown, opened, done
        self.registration.showNotification = async (title, options) => (shown = { title, ...options })
        self.clients.openWindow = async (url) => (opened = url)
        const push = new PushEvent('push', { data })
        push.waitUntil = (promise) => (done = promise)
        self.dispatchEvent(push)
        await done
        const click = Object.assign(new ExtendableEvent('notificationclick'), { notification: { close: () => undefined, data: shown.data } })
        click.waitUntil = (promise) => (done = promise)
        self.dispatchEvent(click)
        await done
        return { title: shown.title, body: shown.body, tag: shown.tag, opened }
      }, data)
    const live = { channel: 'Mira Vale', title: 'Songs <b>', url: '/@mira', tag: 'room' }
    assert.deepEqual(await told(JSON.stringify(live)), { title: 'Mira Vale is live', body: 'Songs <b>', tag: 'room', opened: `${busk.url}/@mira` })
    assert.equal((await told(JSON.stringify({ ...live, url: 'https://evil.example/' }))).opened, busk.url)
    assert.equal((await told('nonsense')).title, 'Busk is live')
  })

  step('a page of another site shows the live in a frame, without a session', async () => {
    await elsewhere.page.goto(`http://127.0.0.1:${others.address().port}/`)
    const frame = elsewhere.page.frameLocator('iframe')
    const time = () => frame.locator('video').evaluate((video) => video.currentTime)
    await until('the picture moves', time, (seen) => seen > 0.5)
    assert.equal(await frame.locator('video').evaluate((video) => video.muted), true)
    await pictures(elsewhere, 'embed')
    assert.equal((await elsewhere.context.cookies(busk.url)).length, 0)
    assert.match(await frame.getByRole('link').getAttribute('href'), /\/@mira$/)
  })

  step('the fan switches e-mail off', async () => {
    await fan.page.goto('/me#notices')
    await fan.id('notice-email').uncheck()
    const settings = async () => (await (await fan.context.request.get('/api/v1/me/notice-settings')).json()).email
    await until('it is off', settings, (email) => email === false)
    await until('the address is not shown', () => fan.id('notice-address-is').count(), (count) => count === 0)
  })

  step('nothing went wrong on the pages', () => {
    // The page beside it, and a time that had passed.
    const own = (fault) => !fault.includes(`another host: http://127.0.0.1:${others.address().port}`) && !/status of 422/.test(fault)
    assert.deepEqual([host, fan, elsewhere].flatMap((screen) => screen.faults).filter(own), [])
  })
})
