/**
 * Programs: an account's token, made and revoked in its pages, lets a bot of tmi.js into a live, where it chats, sees a
 * gift as bits and a deletion; a webhook, made in the studio, is told of the live and of the gift, signed.
 */
import assert from 'node:assert/strict'
import { createHmac, randomUUID } from 'node:crypto'
import { createServer } from 'node:http'
import { after, before, describe } from 'node:test'
import { openScreen, photograph, startBrowser } from '../src/browser.mjs'
import { freePort, startBusk } from '../src/busk.mjs'
import { startBot } from '../src/irc.mjs'
import { goLive, hears, say, signUp } from '../src/people.mjs'
import { steps } from '../src/steps.mjs'
import { until } from '../src/wait.mjs'

describe('bots, and who is told', { concurrency: 1 }, () => {
  let busk, browser, host, fan, account, endpoint, token, secret, robot, room, irc
  const came = []
  const step = steps('bots', () => ({ screens: [host, fan, account], busk }))
  const post = async (who, path, data, status) => {
    const answer = await who.context.request.post(path, { data })
    assert.equal(answer.status(), status, await answer.text())
    return answer.headers()['content-type'] === 'application/json' ? answer.json() : null
  }

  before(async () => {
    irc = await freePort()
    busk = await startBusk('serve', ['--irc-listen', `127.0.0.1:${irc}`, '--webhook-private-networks', '127.0.0.0/8'])
    endpoint = createServer(async (request, answer) => {
      let body = ''
      for await (const piece of request) body += piece
      came.push({ headers: request.headers, body, is: JSON.parse(body) })
      answer.writeHead(204).end()
    })
    await new Promise((ready) => endpoint.listen(0, '127.0.0.1', ready))
    browser = await startBrowser({ fps: 5 })
    host = await openScreen(browser, busk, { name: 'host', width: 1280, height: 800 })
    fan = await openScreen(browser, busk, { name: 'fan' })
    account = await openScreen(browser, busk, { name: 'account', width: 390, height: 844, phone: true })
  })
  after(async () => {
    await robot?.stop()
    await browser?.close()
    endpoint?.closeAllConnections()
    endpoint?.close()
    await busk?.remove()
  })

  step('an account makes a token for its bot, shown once', async () => {
    await signUp(account, { handle: 'robot', name: 'Robot' })
    await account.page.goto('/me')
    await account.id('token-new').click()
    await account.id('token-name').fill('Greeter')
    await account.id('token-make').click()
    token = await account.id('token-secret').inputValue()
    assert.match(token, /^busk_token_[0-9a-f]{64}$/)
    await photograph([account], 'bots-token')
    await account.id('token-done').click()
    await account.id('token').getByText('Greeter').waitFor()
    assert.ok(!(await account.page.content()).includes(token), 'it is not shown again')
  })

  step('a host has an address of theirs told', async () => {
    await signUp(host, { handle: 'mira', name: 'Mira Vale' })
    await host.page.goto('/studio')
    await host.id('webhook-add').click()
    await host.id('webhook-url').fill('http://example.com/hook')
    await host.id('webhook-save').click()
    await host.page.getByText('begins with https://').waitFor()
    await host.id('webhook-url').fill(`http://127.0.0.1:${endpoint.address().port}/hook`)
    await host.id('kind-badge').click()
    await host.id('webhook-save').click()
    secret = await host.id('webhook-secret').inputValue()
    assert.match(secret, /^whsec_/)
    await host.id('webhook-done').click()
    await host.id('webhook-open').click()
    await host.id('webhook-test').click()
    await host.page.getByText('A test is on its way.').waitFor()
    await until('a test comes', () => came.at(-1)?.is.type, (type) => type === 'test')
    await host.id('deliveries').getByText('Arrived').waitFor()
    await photograph([host], 'bots-webhook')
    await host.page.keyboard.press('Escape')
  })

  step('the bot is there when the live begins, hears chat and speaks', async () => {
    robot = await startBot({ port: irc, token, channel: 'mira' })
    await until('it has joined', () => robot.told('join').length, (count) => count > 0)
    await goLive(host, 'mira')
    await signUp(fan, { handle: 'ben', name: 'Ben Ode' })
    await fan.page.goto('/@mira')
    await fan.id('chat-input').waitFor()
    await say(fan, 'is anybody there?')
    const [, state, text, self] = await until('it hears', () => robot.told('message')[0], (one) => one !== undefined)
    assert.deepEqual([state.username, state['display-name'], text, self], ['ben', 'Ben Ode', 'is anybody there?', false])
    await robot.bot.say('mira', 'Beep. Hello, Ben!')
    await hears(fan, 'Beep. Hello, Ben!')
    assert.equal(state['room-id'], (await (await fan.context.request.get('/api/v1/channels/mira')).json()).id)
  })

  step('a gift is bits to it, and a deletion is seen', async () => {
    const channel = await (await fan.context.request.get('/api/v1/channels/mira')).json()
    room = channel.room.id
    assert.ok((await fan.context.request.post('/api/v1/me/adult', { data: { adult: true } })).ok())
    const begun = await post(fan, '/api/v1/coin-purchases', { id: randomUUID(), pack: 'coins-70', return_to: '/' }, 201)
    const checkout = begun.checkout_url.slice(begun.checkout_url.indexOf('/sandbox/'))
    await fan.context.request.post(checkout, { form: { outcome: 'pay' }, maxRedirects: 0 })
    await until('the coins are there', async () => (await (await fan.context.request.get('/api/v1/me')).json()).coins, (coins) => coins > 0)
    await post(fan, `/api/v1/rooms/${room}/gifts`, { id: randomUUID(), kind: 'rose', count: 2 }, 201)
    const [, cheer, text] = await until('it is told', () => robot.told('cheer')[0], (one) => one !== undefined)
    assert.equal(text, 'rose x2')
    assert.ok(Number(cheer.bits) > 0 && cheer['display-name'] === 'Ben Ode')
    const said = robot.told('message')[0][1].id
    const gone = await host.context.request.delete(`/api/v1/rooms/${room}/messages/${said}`)
    assert.equal(gone.status(), 204)
    const [, username, , deleted] = await until('it is taken away', () => robot.told('messagedeleted')[0], (one) => one !== undefined)
    assert.deepEqual([username, deleted['target-msg-id']], ['ben', said])
  })

  step('the bot is made to be silent, and told so', async () => {
    const robotId = (await (await account.context.request.get('/api/v1/me')).json()).id
    await post(host, `/api/v1/rooms/${room}/moderation/acts`, { act: 'time_out', person: robotId, seconds: 60 }, 200)
    const [channel, username, , duration] = await until('it is told', () => robot.told('timeout')[0], (one) => one !== undefined)
    assert.deepEqual([channel, username, Number(duration)], ['#mira', 'robot', 60])
    await robot.bot.say('mira', 'But why?').catch(() => {})
    await until('it is refused', () => robot.told('notice').map(([, id]) => id), (ids) => ids.includes('msg_timedout'))
    const refused = fan.page.getByText('But why?')
    assert.equal(await refused.count(), 0)
  })

  step('the address was told of the live and of the gift, signed', async () => {
    await until('both came', () => came.map((one) => one.is.type), (types) => types.includes('live.began') && types.includes('gift'))
    for (const { headers, body } of came) {
      const key = Buffer.from(secret.slice('whsec_'.length), 'base64')
      const signed = `${headers['webhook-id']}.${headers['webhook-timestamp']}.${body}`
      assert.equal(headers['webhook-signature'], `v1,${createHmac('sha256', key).update(signed).digest('base64')}`)
    }
    const gift = came.find((one) => one.is.type === 'gift').is.data
    assert.deepEqual([gift.room, gift.event.from.name, gift.event.count], [room, 'Ben Ode', 2])
  })

  step('a revoked token is cut off', async () => {
    await account.id('token-revoke').click()
    await account.id('token-revoke-confirm').click()
    await until('it is hung up on', () => robot.told('disconnected').length, (count) => count > 0)
    await account.page.getByText('No program has a token of yours.').waitFor()
    assert.deepEqual([host, fan, account].flatMap((screen) => screen.faults.filter((fault) => !/status of (422|403)/.test(fault))), [])
  })
})
