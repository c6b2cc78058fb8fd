/**
 * A live on another platform: the host adds a target in the studio, with a wrong key first, sees what is wrong, enters
 * the right one, and is live on a second site; switches it off and on, and finds it again after the live.
 */
import assert from 'node:assert/strict'
import { after, before, describe } from 'node:test'
import { openScreen, startBrowser } from '../src/browser.mjs'
import { startBusk } from '../src/busk.mjs'
import { goLive, roomState, signUp } from '../src/people.mjs'
import { steps } from '../src/steps.mjs'
import { until } from '../src/wait.mjs'

describe('a live on another platform', { concurrency: 1 }, () => {
  let busk, other, browser, host, there, key
  const step = steps('restream', () => ({ screens: [host, there], busk }))
  const row = (state) => host.page.locator(`[data-testid=restream-row][data-state=${state}]`).waitFor()

  before(async () => {
    busk = await startBusk('serve', ['--restream-private-networks', '127.0.0.0/8'])
    other = await startBusk()
    browser = await startBrowser()
    host = await openScreen(browser, busk, { name: 'host' })
    there = await openScreen(browser, other, { name: 'there', width: 1280, height: 800 })
  })
  after(async () => {
    await browser?.close()
    await busk?.remove()
    await other?.remove()
  })

  step('the host has a platform with a wrong key', async () => {
    await signUp(there, { handle: 'there', name: 'There' })
    const made = await there.context.request.post('/api/v1/channels/there/stream-key', { data: {} })
    key = (await made.json()).key
    await signUp(host, { handle: 'mira', name: 'Mira Vale' })
    await host.page.goto('/studio')
    await host.id('restream-add').click()
    assert.match(await host.id('restream-url').inputValue(), /^rtmps:/, 'an address is there already')
    await host.page.getByLabel('Platform', { exact: true }).selectOption('other')
    await host.id('restream-name').fill('The other house')
    await host.id('restream-url').fill('http://wrong.example')
    await host.id('restream-key').fill('not_the_right_key')
    await host.id('restream-save').click()
    await host.page.getByText('begins with rtmp://').waitFor()
    await host.id('restream-url').fill(other.rtmp)
    await host.id('restream-save').click()
    await row('waiting')
  })

  step('live, they see that it is refused and why, and enter the right key', async () => {
    await goLive(host, 'mira')
    await row('refused')
    await host.id('restream-why').getByText('stream key is not right').waitFor()
    await host.id('restream-edit').click()
    assert.equal(await host.id('restream-key').inputValue(), '', 'a key is never shown')
    await host.page.getByText('ends in _key').waitFor()
    await host.id('restream-key').fill(key)
    await host.id('restream-save').click()
    await row('live')
    await until('live there', () => roomState(there, 'there'), (state) => state === 'live')
  })

  step('people there see the picture', async () => {
    await there.page.goto('/@there')
    const frames = () => there.id('video').first().evaluate((video) => video.getVideoPlaybackQuality().totalVideoFrames)
    await until('the picture there', frames, (seen) => seen > 30)
    await host.id('restream-row').getByText(/kbit\/s/).waitFor()
  })

  step('switched off it ends there, switched on it goes on', async () => {
    await host.id('restream-switch').click()
    await row('off')
    await until('off there', () => roomState(there, 'there'), (state) => state === 'interrupted')
    await host.id('restream-switch').click()
    await row('live')
    await until('live there', () => roomState(there, 'there'), (state) => state === 'live')
  })

  step('after the live it is kept, and can be removed', async () => {
    await host.id('end-live').click()
    await host.id('end-confirm').click()
    await until('over there', () => roomState(there, 'there'), (state) => state !== 'live')
    await host.page.goto('/studio')
    await row('waiting')
    await host.id('restream-edit').click()
    await host.id('restream-remove').click()
    await host.id('restream-remove-confirm').click()
    await host.id('restream-row').waitFor({ state: 'detached' })
    assert.ok(!busk.said().includes(key) && !busk.said().includes('not_the_right_key'))
  })

  step('nothing went wrong that a visitor would not see', () => {
    // The refused address is an answer of 422, which browsers write into the console.
    const faults = host.faults.filter((fault) => !/status of 422/.test(fault))
    assert.deepEqual([...faults, ...there.faults], [])
  })
})
