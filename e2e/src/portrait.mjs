/** Takes the README's picture of a running demonstration: `node src/portrait.mjs FILE.jpg` after a debug build. */
import { openScreen, startBrowser, decodedFrames } from './browser.mjs'
import { startBusk } from './busk.mjs'
import { me, say } from './people.mjs'
import { until } from './wait.mjs'

const busk = await startBusk('demo')
const browser = await startBrowser()
try {
  const viewer = await openScreen(browser, busk, { name: 'viewer', width: 1440, height: 900 })
  await viewer.page.goto('/')
  await until('three rooms', () => viewer.id('room-card').count(), (rooms) => rooms === 3)
  await viewer.id('enter-viewer').click()
  await until('someone', () => me(viewer), (seen) => seen.kind === 'person')
  await viewer.page.goto('/@mara')
  await until('a picture', () => decodedFrames(viewer), (frames) => frames > 60)
  // Long enough for the audience to have said something.
  await until('chat', () => viewer.id('chat-message').count(), (lines) => lines >= 8, { ms: 90_000 })
  await say(viewer, 'what a view from up there')
  await viewer.id('gift-open').click()
  await viewer.id('gift-rose').click()
  for (let i = 0; i < 5; i += 1) await viewer.id('gift-send').click()
  await viewer.id('gift-banner').first().waitFor()
  await viewer.page.keyboard.press('Escape')
  const unmute = viewer.page.getByRole('button', { name: 'Tap for sound' })
  if (await unmute.count()) await unmute.click()
  await viewer.page.waitForTimeout(500)
  await viewer.page.screenshot({ path: process.argv[2], type: 'jpeg', quality: 85 })
} finally {
  await browser.close()
  await busk.stop()
  await busk.remove()
}
