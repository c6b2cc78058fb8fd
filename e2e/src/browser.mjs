/** Real Chromium with a fake camera and microphone, and pages that remember everything that went wrong in them. */
import { mkdir } from 'node:fs/promises'
import { chromium } from 'playwright-core'

const flags = [
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--use-fake-ui-for-media-stream',
  // WebRTC leaves loopback out otherwise, and a test machine may have nothing else.
  '--allow-loopback-in-peer-connection',
]

/** Where the picture is only there to be one, `fps` is small: encoding it takes most of a processor. */
export function startBrowser({ fps = 30 } = {}) {
  const args = [...flags, `--use-fake-device-for-media-stream=fps=${fps}`]
  if (process.getuid?.() === 0) args.push('--no-sandbox')
  return chromium.launch({ executablePath: process.env.BUSK_CHROMIUM ?? '/usr/bin/chromium', headless: true, args })
}

/** One person's browser: their own cookies, English, and a list of faults. */
export async function openScreen(browser, busk, { name, width = 1440, height = 900, phone = false } = {}) {
  const context = await browser.newContext({
    baseURL: busk.url,
    locale: 'en-GB',
    viewport: { width, height },
    isMobile: phone,
    hasTouch: phone,
    permissions: ['camera', 'microphone'],
  })
  const faults = []
  const scripts = []
  const host = new URL(busk.url).host
  context.on('console', (message) => {
    if (message.type() === 'error' && !isLateGoodbye(message)) faults.push(`${name}: console: ${message.text()} (${message.location().url})`)
  })
  context.on('weberror', (problem) => faults.push(`${name}: script: ${problem.error().stack}`))
  context.on('request', (request) => {
    const url = new URL(request.url())
    if (url.protocol.startsWith('http') && url.host !== host) faults.push(`${name}: another host: ${url}`)
  })
  context.on('response', (response) => {
    if (response.request().resourceType() === 'script' && response.status() === 200) scripts.push(response)
  })
  const page = await context.newPage()
  page.setDefaultTimeout(45_000)
  return { name, context, page, faults, scripts, id: (testid) => page.getByTestId(testid) }
}

/**
 * Hanging up closes the connection and then deletes the session; when the server noticed the first already, the
 * second finds nothing, and the browser writes any 404 into its console.
 */
function isLateGoodbye(message) {
  return /status of 404/.test(message.text()) && /\/webrtc\//.test(message.location().url)
}

/** Pictures of every screen, for a test that failed. */
export async function photograph(screens, label) {
  await mkdir(new URL('../test-results', import.meta.url), { recursive: true })
  for (const screen of screens) {
    const path = new URL(`../test-results/${label}-${screen.name}.png`, import.meta.url).pathname
    await screen.page.screenshot({ path }).catch(() => undefined)
  }
}

let turn = 0

/** A picture for people to look at, light and dark, in the folder that BUSK_SHOTS names; none without it. */
export async function show(page, label) {
  const folder = process.env.BUSK_SHOTS
  if (!folder) return
  await mkdir(folder, { recursive: true })
  const number = String(++turn).padStart(2, '0')
  for (const colorScheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme })
    // Colours change over a moment.
    await page.waitForTimeout(400)
    await page.screenshot({ path: `${folder}/${number}-${label}-${colorScheme}.png` })
  }
  await page.emulateMedia({ colorScheme: 'light' })
}

/** What the page's player has decoded so far. */
export function decodedFrames(screen) {
  return screen.id('video').first().evaluate((video) => video.getVideoPlaybackQuality().totalVideoFrames)
}
