/**
 * Overlays as OBS shows them: a creator makes their addresses in the studio, browser sources of 1280 × 720 are opened with
 * them, before the live, and stay. A viewer's real gift is an alert and moves the goal, what is said is there and gone when it
 * is deleted, and what people call themselves and write stays text in a page that has no origin and may run nothing.
 */
import assert from 'node:assert/strict'
import { after, before, describe } from 'node:test'
import { openScreen, startBrowser } from '../src/browser.mjs'
import { startBusk } from '../src/busk.mjs'
import { goLive, me, signUp } from '../src/people.mjs'
import { steps } from '../src/steps.mjs'
import { until } from '../src/wait.mjs'

/** Each would set `xss` if it were more than text somewhere. */
const corpus = [
  '<script>xss=1</script>',
  '<img src=x onerror=xss=1>',
  '<svg/onload=xss=1>',
  '"><iframe srcdoc="<script>parent.xss=1</script>">',
  '<a href="javascript:xss=1">click</a>',
  'javascript:xss=1//https://example.org',
  '{@html "<img src=x onerror=xss=1>"}',
  '{{constructor.constructor("xss=1")()}}',
  '</style></script><img src=x onerror=xss=1>',
  '<math><mtext><table><mglyph><style><img src=x onerror=xss=1>',
  '<details open ontoggle=xss=1>',
  '<base href="https://evil.example/">',
  '<style>*{background:url(https://evil.example/)}</style>',
  '<meta http-equiv="refresh" content="0;url=https://evil.example/">',
  '\u200f\u061c\u05d0 right to left \u200f',
  'W'.repeat(300),
  '\u0336'.repeat(150) + '\u0489'.repeat(150),
]
/** Names have forty characters. */
const names = ['<img src=x onerror=xss=1>', '"><svg/onload=xss=1>', "{coins}';xss=1;//", '\u05d0\u05d1\u05d2 \u200f<b>x</b>', 'W'.repeat(40)]
const kinds = ['alerts', 'goal', 'chat', 'spotlight']

describe('overlays', { concurrency: 1 }, () => {
  let busk, browser, creator, viewer, room
  const urls = {}
  const sources = {}
  const step = steps('overlays', () => ({ screens: [creator, viewer, ...Object.values(sources)].filter(Boolean), busk }))
  const lines = () => sources.chat.id('line')
  /** Shown now, or since the page was opened: an alert does not wait for whoever looks. */
  const showsAlert = (what, is) => until(what, () => sources.alerts.page.evaluate(() => window.alerts), (all) => all.some(is))

  before(async () => {
    busk = await startBusk()
    browser = await startBrowser({ fps: 5 })
    creator = await openScreen(browser, busk, { name: 'creator', width: 1280, height: 800 })
    viewer = await openScreen(browser, busk, { name: 'viewer' })
  })
  after(async () => {
    await browser?.close()
    await busk?.remove()
  })

  /** A browser source, in a browser of its own that nobody is signed in with; what its policy refuses is a fault. */
  async function openSource(kind, url) {
    const screen = await openScreen(browser, busk, { name: kind, width: 1280, height: 720 })
    await screen.context.addInitScript(() => {
      window.refused = []
      document.addEventListener('securitypolicyviolation', (event) => window.refused.push(`${event.violatedDirective} ${event.blockedURI} ${event.sample}`))
      window.alerts = []
      const look = () => document.querySelectorAll('[data-testid=alert]').forEach((node) => window.alerts.push({ ...node.dataset, said: node.textContent }))
      new MutationObserver(look).observe(document, { subtree: true, childList: true, attributes: true, characterData: true })
    })
    await screen.page.goto(url)
    return screen
  }

  step('a creator makes an address for each overlay, and sees how it will look', async () => {
    await signUp(creator, { handle: 'noor', name: 'Noor' })
    await creator.page.goto('/studio')
    await creator.id('overlays-open').click()
    for (const kind of kinds) {
      await creator.id(`tab-${kind}`).click()
      await creator.id('overlay-make').click()
      urls[kind] = await creator.id('overlay-url').inputValue()
      assert.match(urls[kind], /\/overlay#busk_overlay_[\w-]{43}$/)
      const preview = creator.page.frameLocator('[data-testid=overlay-preview]')
      await preview.getByTestId({ alerts: 'alert', goal: 'goal', chat: 'line', spotlight: 'spotlight' }[kind]).first().waitFor()
    }
    await creator.page.reload()
    await creator.id('tab-chat').click()
    await creator.id('overlay-renew').waitFor()
    assert.equal(await creator.id('overlay-url').count(), 0, 'it is shown once')
  })

  step('samples play without a live', async () => {
    const sample = await openSource('sample', urls.alerts.replace('#', '?test=1#'))
    await sample.id('alert').first().waitFor()
    await until('a streak', () => sample.id('alert').first().getAttribute('data-count'), (count) => Number(count) === 3)
    assert.deepEqual(await sample.page.evaluate(() => window.refused), [])
    assert.deepEqual(sample.faults, [])
    await sample.context.close()
  })

  step('browser sources that are there before the live find it', async () => {
    for (const kind of kinds) sources[kind] = await openSource(kind, urls[kind])
    await goLive(creator, 'noor')
    const channel = await (await creator.context.request.get('/api/v1/channels/noor')).json()
    room = channel.room.id
    await account(viewer, 'ben', 'Ben Ode')
    await buyCoins(viewer)
    await creatorPuts('post', `/api/v1/rooms/${room}/goals`, { id: crypto.randomUUID(), title: 'A roof', kind: 'coins', target: 100 })
    await sources.goal.id('goal').waitFor()
    // What was given before a source has found the live is no alert.
    for (const { page } of Object.values(sources)) await page.locator('main[data-live=true]').waitFor()
    // Said before the source has found the live or after: either way it is told.
    await say(viewer, 'good evening')
    await lines().filter({ hasText: 'good evening' }).waitFor()
  })

  step('a gift is an alert, its streak one that counts up, and the goal moves', async () => {
    for (let count = 1; count <= 3; count++) {
      const sent = await viewer.context.request.post(`/api/v1/rooms/${room}/gifts`, { data: { id: crypto.randomUUID(), kind: 'rose', count: 1 } })
      assert.ok(sent.ok(), await sent.text())
    }
    await showsAlert('the streak', ({ alert, count, coins, said }) => alert === 'gift' && count === '3' && coins === '15' && said.includes('Ben Ode sent Rose'))
    assert.ok((await sources.alerts.id('alert').count()) <= 1, 'one at a time')
    await until('the goal', () => sources.goal.id('goal').getAttribute('data-so-far'), (seen) => seen === '15')
  })

  step('what is said is there, and gone once it is deleted', async () => {
    const id = await say(viewer, 'take me away')
    await lines().filter({ hasText: 'take me away' }).waitFor()
    await creatorPuts('delete', `/api/v1/rooms/${room}/messages/${id}`)
    await until('it is gone', () => lines().filter({ hasText: 'take me away' }).count(), (seen) => seen === 0, { every: 20 })
  })

  step('the host puts a question over the picture, and takes it away', async () => {
    const message = await say(viewer, 'Which song is next?')
    const id = crypto.randomUUID()
    await creatorPuts('put', `/api/v1/rooms/${room}/spotlight`, { id, message, to: 'everyone' })
    await sources.spotlight.id('spotlight').filter({ hasText: 'Which song is next?' }).waitFor()
    await creatorPuts('post', `/api/v1/rooms/${room}/spotlight/${id}/end`, { answered: true })
    await sources.spotlight.id('spotlight').waitFor({ state: 'detached' })
  })

  step('names and words stay text, and nothing of them runs', async () => {
    await creatorPuts('put', '/api/v1/channels/noor/overlays/chat', await lookOf('chat', (look) => (look.chat.lines = 30)))
    for (const [who, name] of names.entries()) {
      const author = await openScreen(browser, busk, { name: `author${who}` })
      await account(author, `author${who}`, name)
      await buyCoins(author)
      for (const text of corpus.filter((_, i) => i % names.length === who)) await say(author, text)
      const sent = await author.context.request.post(`/api/v1/rooms/${room}/gifts`, { data: { id: crypto.randomUUID(), kind: 'coffee', count: 1 } })
      assert.ok(sent.ok(), await sent.text())
      await author.context.close()
    }
    const squeezed = (text) => text.replaceAll(/\s+/g, ' ').trim()
    const all = await until('all of it', () => lines().allTextContents(), (seen) => corpus.every((text) => seen.some((line) => squeezed(line).includes(squeezed(text)))))
    for (const name of names) assert.ok(all.some((line) => line.includes(name)), `${name} in ${all}`)
    for (const name of names) await showsAlert(`an alert of ${name}`, ({ said }) => said.includes(name))
    for (const { name, page, faults } of Object.values(sources)) {
      const seen = await page.evaluate(() => ({
        xss: window.xss,
        refused: window.refused,
        strange: document.querySelectorAll('#page :is(script, iframe, object, embed, a, svg, style, base, meta, table, details)').length,
        handlers: [...document.querySelectorAll('*')].flatMap((node) => node.getAttributeNames()).filter((attribute) => attribute.startsWith('on')),
        wide: document.documentElement.scrollWidth <= innerWidth && document.documentElement.scrollHeight <= innerHeight,
      }))
      assert.deepEqual(seen, { xss: undefined, refused: [], strange: 0, handlers: [], wide: true }, name)
      assert.deepEqual(faults, [], name)
    }
  })

  step('the page has no origin: no cookie, no storage, nothing of the site’s', async () => {
    const { page } = sources.chat
    const seen = await page.evaluate(async () => {
      const refusal = (run) => { try { run(); return 'allowed' } catch (problem) { return problem.name } }
      const mine = await fetch('/api/v1/me').then((answer) => answer.status, (problem) => problem.name)
      return { origin: self.origin, cookie: refusal(() => document.cookie), storage: refusal(() => localStorage.length), mine }
    })
    assert.deepEqual(seen, { origin: 'null', cookie: 'SecurityError', storage: 'SecurityError', mine: 'TypeError' })
    sources.chat.faults.length = 0
  })

  step('another address closes the old one, and an overlay survives a restart of its page', async () => {
    const before = await lines().count()
    assert.ok(before > 0)
    const { overlay, url } = await creatorPuts('post', '/api/v1/channels/noor/overlays/chat/secret')
    assert.equal(overlay.kind, 'chat')
    await until('nothing is shown', () => lines().count(), (seen) => seen === 0)
    await say(viewer, 'not for the old one')
    await viewer.page.waitForTimeout(1_500)
    assert.equal(await lines().count(), 0)
    await sources.chat.context.close()
    sources.chat = await openSource('chat', url)
    await lines().filter({ hasText: 'not for the old one' }).waitFor()
  })

  step('the next live is found by itself', async () => {
    await creatorPuts('post', `/api/v1/rooms/${room}/end`)
    await until('the chat is empty', () => lines().count(), (seen) => seen === 0)
    await goLive(creator, 'noor')
    room = (await (await creator.context.request.get('/api/v1/channels/noor')).json()).room.id
    await say(viewer, 'we meet again')
    await lines().filter({ hasText: 'we meet again' }).waitFor()
  })

  async function creatorPuts(method, path, data) {
    const answer = await creator.context.request[method](path, { data })
    assert.ok(answer.ok(), `${path}: ${answer.status()} ${await answer.text()}`)
    return answer.status() === 204 ? null : answer.json()
  }
  async function lookOf(kind, change) {
    const { items } = await (await creator.context.request.get('/api/v1/channels/noor/overlays')).json()
    const { look } = items.find((overlay) => overlay.kind === kind)
    change(look)
    return look
  }
  async function say(screen, text) {
    const id = crypto.randomUUID()
    const said = await screen.context.request.post(`/api/v1/rooms/${room}/messages`, { data: { id, text } })
    assert.ok(said.ok(), await said.text())
    return id
  }
  /** Signs somebody up without the pages. */
  async function account(screen, handle, display_name) {
    const made = await screen.context.request.post('/api/v1/sign-up', { data: { handle, display_name, password: 'correct horse battery' } })
    assert.ok(made.ok(), await made.text())
  }
  /** At the sandbox's checkout, without its page. */
  async function buyCoins(screen) {
    const { request } = screen.context
    await request.post('/api/v1/me/adult', { data: { adult: true } })
    const begun = await (await request.post('/api/v1/coin-purchases', { data: { id: crypto.randomUUID(), pack: 'coins-70', return_to: '/' } })).json()
    await request.post(begun.checkout_url, { form: { outcome: 'pay' }, maxRedirects: 0 })
    await until('coins', () => me(screen), (seen) => seen.coins === 70)
  }
})
