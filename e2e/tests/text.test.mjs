/** Whatever people call themselves and write stays text: a corpus of markup and script, in a real browser. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { openScreen, photograph, startBrowser } from '../src/browser.mjs'
import { startBusk } from '../src/busk.mjs'
import { goLive, signUp } from '../src/people.mjs'
import { until } from '../src/wait.mjs'

/** Each would set `xss` if it were more than text somewhere. */
const corpus = [
  '<script>xss=1</script>',
  '<img src=x onerror=xss=1>',
  '<svg/onload=xss=1>',
  '"><iframe srcdoc="<script>parent.xss=1</script>">',
  '<a href="javascript:xss=1">click</a>',
  'javascript:xss=1//https://example.org',
  'https://example.org/"onmouseover="xss=1',
  "https://example.org/'><img src=x onerror=xss=1>",
  'https://user:xss@example.org/<b>x</b>',
  '{@html "<img src=x onerror=xss=1>"}',
  '{{constructor.constructor("xss=1")()}}',
  '${xss=1}',
  '</textarea></title></style></script><img src=x onerror=xss=1>',
  '<math><mtext><table><mglyph><style><img src=x onerror=xss=1>',
  '&lt;img src=x onerror=xss=1&gt;',
  '<details open ontoggle=xss=1>',
  '<input autofocus onfocus=xss=1>',
  '@<img src=x onerror=xss=1>',
  '<base href="https://evil.example/">',
  '<meta http-equiv="refresh" content="0;url=https://evil.example/">',
]
/** Names have forty characters. */
const names = ['<img src=x onerror=xss=1>', '"><svg/onload=xss=1>', '<b>Ana</b>', "';xss=1;//"]
const perPerson = corpus.length / names.length

let busk, browser, host, watching
before(async () => {
  busk = await startBusk()
  browser = await startBrowser({ fps: 5 })
  host = await openScreen(browser, busk, { name: 'host' })
  watching = await openScreen(browser, busk, { name: 'watching' })
})
after(async () => {
  await browser?.close()
  await busk?.remove()
})

test('names and chat stay text on every page that shows them', async () => {
  try {
    await signUp(host, { handle: 'noor', name: 'Noor' })
    await goLive(host, 'noor')
    const { room } = await (await host.context.request.get('/api/v1/channels/noor')).json()
    await watching.page.goto('/@noor')
    await watching.id('guest-name').waitFor()
    for (const [who, name] of names.entries()) {
      const cookie = await account(`author${who}`, name)
      for (const text of corpus.slice(who * perPerson, (who + 1) * perPerson)) {
        await post(cookie, `/api/v1/rooms/${room.id}/messages`, { id: crypto.randomUUID(), text })
      }
    }
    await watching.page.reload()
    for (const screen of [host, watching]) {
      const lines = screen.id('chat-message')
      await until(`all on ${screen.name}`, () => lines.count(), (seen) => seen === corpus.length)
      const shown = (await lines.allTextContents()).map((text) => text.replaceAll(/\s+/g, ' '))
      for (const text of [...corpus, ...names]) assert.ok(shown.some((line) => line.includes(text)), `${text} in ${JSON.stringify(shown)}`)
      const log = screen.page.getByRole('log')
      assert.equal(await log.locator('script, img, iframe, object, embed, input, textarea, table, style, base, meta').count(), 0)
      const links = await log.locator('a').evaluateAll((all) => all.map((a) => [a.protocol, a.rel, a.target]))
      for (const [protocol, rel, target] of links) {
        assert.equal(protocol, 'https:')
        assert.match(rel, /nofollow noopener/)
        assert.equal(target, '_blank')
      }
      const handlers = await log.locator('*').evaluateAll((all) => all.flatMap((node) => node.getAttributeNames()).filter((name) => name.startsWith('on')))
      assert.deepEqual(handlers, [])
      assert.equal(await screen.page.evaluate(() => window.xss), undefined)
    }
    // The menu of a line and the history in it show names and words, too.
    await host.id('chat-message').first().hover()
    await host.id('line-menu').first().click()
    await host.id('line-history').waitFor()
    assert.equal(await host.id('line-panel').locator('img, script, iframe').count(), 0)
    assert.equal(await host.page.evaluate(() => window.xss), undefined)
    assert.deepEqual([...host.faults, ...watching.faults], [])
  } catch (problem) {
    await photograph([host, watching], 'text')
    throw problem
  }
})

/** Signs somebody up without a browser; gives their cookie. */
async function account(handle, display_name) {
  const answer = await post('', '/api/v1/sign-up', { handle, display_name, password: 'correct horse battery' })
  return answer.headers.get('set-cookie').split(';')[0]
}

async function post(cookie, path, body) {
  const headers = { 'content-type': 'application/json', cookie }
  const answer = await fetch(busk.url + path, { method: 'POST', headers, body: JSON.stringify(body) })
  assert.equal(answer.status, 201, await answer.clone().text())
  return answer
}
