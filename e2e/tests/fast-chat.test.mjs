/**
 * A chat that is faster than anybody can read: the page shows a part of it and says so; one's own words, those of the host
 * and of moderators, gifts and what is pinned are never left out. Who moderates sees all. Then it calms down.
 */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, describe } from 'node:test'
import WebSocket from 'ws'
import { openScreen, show, startBrowser } from '../src/browser.mjs'
import { startBusk } from '../src/busk.mjs'
import { goLive, hears, me, say, signUp } from '../src/people.mjs'
import { steps } from '../src/steps.mjs'
import { until } from '../src/wait.mjs'

/** Guests, each of whom says something as often as their pace lets them: together some fifty-five messages a second. */
const crowdSize = 220
const everyMs = 4_000
const words = ['what a voice', 'encore!', 'hello from Lyon', 'that bass line', 'first time here, and staying', 'play the one about rain', 'goosebumps', 'louder, please']
/** What a reader is shown of others in a second. */
const shownPerSecond = 40

describe('a fast chat', { concurrency: 1 }, () => {
  let busk, browser, host, fan, room, mod
  const crowd = []
  const saidIds = new Set()
  /** By screen: what its page was told was said, and when. */
  const told = new Map()
  const step = steps('fast-chat', () => ({ screens: [host, fan], busk }))
  /** Shown now, or since the page was opened: a line does not stay for whoever looks. */
  const shows = (screen, text) => until(`${text} on ${screen.name}`, () => screen.page.evaluate((text) => window.lines.some((line) => line.includes(text)), text), (seen) => seen)
  const strip = (screen) => screen.id('sampled')
  const post = async (screen, path, data) => {
    const answer = await screen.context.request.post(path, { data })
    assert.ok(answer.ok(), `${path}: ${answer.status()} ${await answer.text()}`)
    return answer
  }

  /** Whoever has no page here: a session of their own, made at an address of the API's. */
  async function session(path, who) {
    const made = await fetch(`${busk.url}${path}`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(who) })
    assert.equal(made.status, 201)
    return made.headers.get('set-cookie').split(';')[0]
  }
  async function enter(cookie) {
    // Making whole what comes to hundreds would take this process all its time.
    const socket = new WebSocket(`${busk.url.replace('http', 'ws')}/ws/rooms/${room}`, { headers: { cookie }, perMessageDeflate: false })
    await new Promise((open, fail) => socket.on('open', open).on('error', fail))
    return socket
  }
  const saidIn = (text) => (JSON.parse(String(text)).ev ?? []).filter(({ type }) => type === 'said')

  /** Notes what the page's own socket hears. */
  function listen(screen) {
    told.set(screen, [])
    screen.page.on('websocket', (socket) =>
      socket.on('framereceived', ({ payload }) => {
        for (const { id } of saidIn(payload)) told.get(screen).push({ id, at: performance.now() })
      }),
    )
  }

  async function join(number) {
    const socket = await enter(await session('/api/v1/guests', { name: `Guest ${number}` }))
    const one = { socket, said: 0, refused: 0 }
    socket.on('message', (bytes) => {
      if (bytes.includes('"problem"')) one.refused++
    })
    crowd.push(one)
    return one
  }
  function talks(one, number) {
    const speak = () => {
      const id = randomUUID()
      saidIds.add(id)
      one.socket.send(JSON.stringify({ do: 'say', id, text: `${words[(number + one.said) % words.length]} ${++one.said}` }))
    }
    one.begin = setTimeout(() => {
      speak()
      one.going = setInterval(speak, everyMs)
    }, (everyMs / crowdSize) * number)
  }
  /** By the keyboard: a button has to stand still to be clicked, in a page that is drawn without pause. */
  async function types(screen, text) {
    await screen.id('chat-input').fill(text)
    await screen.id('chat-input').press('Enter')
  }
  function modSays(text) {
    const id = randomUUID()
    mod.socket.send(JSON.stringify({ do: 'say', id, text }))
    return id
  }
  function hush() {
    for (const { begin, going } of crowd) {
      clearTimeout(begin)
      clearInterval(going)
    }
  }

  before(async () => {
    busk = await startBusk('serve', ['--address-limits', 'false'])
    browser = await startBrowser({ fps: 5 })
    host = await openScreen(browser, busk, { name: 'host', width: 1280, height: 800 })
    fan = await openScreen(browser, busk, { name: 'fan', width: 390, height: 844, phone: true })
    listen(fan)
    for (const { page } of [host, fan]) {
      page.setDefaultTimeout(90_000)
      await page.emulateMedia({ reducedMotion: 'reduce' })
    }
    for (const { context } of [host, fan])
      await context.addInitScript(() => {
        window.lines = []
        const note = (node) => node.matches?.('[data-testid=chat-message], [role=log] li') && window.lines.push(node.textContent)
        new MutationObserver((changes) => changes.forEach(({ addedNodes }) => addedNodes.forEach(note))).observe(document, { subtree: true, childList: true })
      })
  })
  after(async () => {
    hush()
    for (const { socket } of crowd) socket.terminate()
    mod?.socket.terminate()
    await browser?.close()
    await busk?.remove()
  })

  step('a host, a moderator, and one who watches', async () => {
    await signUp(host, { handle: 'mira', name: 'Mira Vale' })
    mod = { cookie: await session('/api/v1/sign-up', { handle: 'moe', display_name: 'Mo', password: 'correct horse battery' }), heard: [] }
    await signUp(fan, { handle: 'ben', name: 'Ben Ode' })
    const taken = await host.context.request.put('/api/v1/channels/mira/team/moe', { data: { role: 'moderator' } })
    assert.equal(taken.status(), 204)
    await post(fan, '/api/v1/me/adult', { adult: true })
    const begun = await (await post(fan, '/api/v1/coin-purchases', { id: randomUUID(), pack: 'coins-70', return_to: '/' })).json()
    await fan.context.request.post(begun.checkout_url, { form: { outcome: 'pay' }, maxRedirects: 0 })
    await until('coins', () => me(fan), (seen) => seen.coins === 70)
    await goLive(host, 'mira')
    await fan.page.goto('/@mira')
    await fan.id('chat-input').waitFor()
    room = (await (await host.context.request.get('/api/v1/channels/mira')).json()).room.id
    mod.socket = await enter(mod.cookie)
    mod.socket.on('message', (text) => mod.heard.push(...saidIn(text).map(({ id }) => id)))
    await say(fan, 'good evening')
    await hears(host, 'good evening')
    for (const screen of [host, fan]) assert.equal(await strip(screen).count(), 0)
  })

  step('it gets fast, and both sizes of page say what part they show', async () => {
    for (let number = 0; number < crowdSize; number++) await join(number)
    crowd.forEach(talks)
    // One page in both sizes: drawn without a graphics card, a third would take what the other two need.
    const phone = fan.page.viewportSize()
    for (const size of [phone, { width: 1280, height: 800 }]) {
      await fan.page.setViewportSize(size)
      await until(`a part, on ${size.width} px`, () => strip(fan).textContent(), (text) => {
        const [shown, said] = (/showing (\d+) of (\d+) messages a second/.exec(text) ?? []).slice(1).map(Number)
        return shown >= shownPerSecond / 2 && shown < said
      })
      const { box, inner, wide } = await strip(fan).evaluate((node) => {
        const { x, y, right, bottom } = node.getBoundingClientRect()
        return { box: { x, y, right, bottom }, inner: { width: innerWidth, height: innerHeight }, wide: document.documentElement.scrollWidth }
      })
      assert.ok(box.x >= 0 && box.y >= 0 && box.right <= inner.width && box.bottom <= inner.height, JSON.stringify({ box, inner }))
      assert.ok(wide <= inner.width, `${wide} px`)
      await show(fan.page, `fast-chat-${size.width}`)
    }
    await fan.page.setViewportSize(phone)
    await strip(host).filter({ hasText: /viewers see \d+ of \d+/ }).waitFor()
    await show(host.page, 'fast-chat-host')
  })

  step('a viewer’s page hears a part of it', async () => {
    // How much of it is sure only when all has come, which is when it has calmed down.
    const before = told.get(fan).length
    await until('lines come', () => told.get(fan).length - before, (heard) => heard >= shownPerSecond)
  })

  step('who scrolls up stays there, and comes back by one button', async () => {
    const log = fan.page.getByRole('log')
    const below = () => log.evaluate((list) => list.scrollHeight - list.scrollTop - list.clientHeight)
    await until('the newest is in view', below, (px) => px < 40)
    const newer = fan.page.getByRole('button', { name: /new messages?$/ })
    // Between a look and the next some lines come: only a reader goes up so far at once.
    await until('it lets go', async () => {
      if (!(await newer.count())) await log.evaluate((list) => (list.scrollTop -= 400))
      return newer.count()
    }, (seen) => seen === 1)
    await until('lines pile up below', below, (px) => px > 600)
    await newer.evaluate((button) => button.click())
    await until('the newest is in view again', below, (px) => px < 40)
    assert.equal(await newer.count(), 0)
  })

  step('one’s own words, and those of the host and moderators, are never left out', async () => {
    for (let turn = 0; turn < 3; turn++) {
      await Promise.all([types(fan, `I am still here, ${turn}`), types(host, `thank you all, ${turn}`), modSays(`be kind, ${turn}`)])
      await Promise.all([
        shows(fan, `I am still here, ${turn}`),
        ...[fan, host].flatMap((screen) => [shows(screen, `thank you all, ${turn}`), shows(screen, `be kind, ${turn}`)]),
      ])
    }
    // Not as a line that still waits to be sent.
    assert.equal(await fan.id('chat-message').and(fan.page.locator('[data-state=sending], [data-state=failed]')).count(), 0)
  })

  step('nor are gifts, nor what is pinned', async () => {
    await post(fan, `/api/v1/rooms/${room}/gifts`, { id: randomUUID(), kind: 'rose', count: 2 })
    await Promise.all([fan, host].map((screen) => shows(screen, 'Rose')))
    const message = modSays('requests: on the board, please')
    await until('it is said', () => mod.heard.includes(message), (said) => said)
    const pinned = await fetch(`${busk.url}/api/v1/rooms/${room}/pin`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json', cookie: mod.cookie },
      body: JSON.stringify({ message }),
    })
    assert.ok(pinned.ok, await pinned.text())
    await fan.id('pinned').getByText('requests: on the board, please').waitFor()
    await strip(fan).waitFor()
    await show(fan.page, 'fast-chat-pinned-fan')
  })

  step('it calms down, and all of it is shown again', async () => {
    hush()
    for (const screen of [fan, host]) await strip(screen).waitFor({ state: 'detached' })
    await say(fan, 'and now it is quiet')
    await shows(host, 'and now it is quiet')
    assert.equal(crowd.reduce((sum, one) => sum + one.refused, 0), 0, 'the crowd kept to its pace')
    const crowds = (ids) => ids.filter((id) => saidIds.has(id))
    assert.equal(crowds(mod.heard).length, saidIds.size, 'who moderates has heard all of it')
    const shown = crowds(told.get(fan).map(({ id }) => id))
    assert.ok(shown.length < saidIds.size, `${shown.length} of ${saidIds.size}`)
    assert.equal(new Set(shown).size, shown.length, 'nothing twice')
  })

  step('nothing went wrong in any browser', () => {
    assert.deepEqual([host, fan].flatMap((screen) => screen.faults), [])
  })
})
