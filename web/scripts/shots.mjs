// Pictures of every page, to be looked at. `node scripts/shots.mjs [--base URL] [--out DIR] [--only name,name]`.
// Against `npm run dev` the mock's ?as= says who looks; against a real demo it enters through /api/v1/demo/enter.
import { mkdir } from 'node:fs/promises'
import { chromium } from 'playwright-core'

const arg = (name, fallback) => {
  const at = process.argv.indexOf(`--${name}`)
  return at < 0 ? fallback : process.argv[at + 1]
}
const base = arg('base', 'http://127.0.0.1:5173')
const out = arg('out', '/tmp/shots')
const only = arg('only', '')?.split(',').filter(Boolean) ?? []
const real = process.argv.includes('--real')
const rooms = real ? (await (await fetch(`${base}/api/v1/rooms`)).json()).items : []
const live = real ? `/@${rooms[0]?.channel.handle ?? 'nobody'}` : '/@luna'

const phone = { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true }
const desktop = { viewport: { width: 1440, height: 900 }, deviceScaleFactor: 1 }
const click = (id) => async (page) => {
  await page.getByTestId(id).first().click()
  await page.waitForTimeout(900)
}
const steps = (...list) => async (page) => {
  for (const step of list) await step(page)
}
const wait = (ms) => (page) => page.waitForTimeout(ms)
const crowded = wait(real ? 9000 : 7000)

/** name, path, as whom, what to do there */
const pages = [
  ['home', '/', 'nobody', wait(900)],
  ['home-in', '/', 'viewer', wait(900)],
  ['watch', live, 'viewer', crowded],
  ['watch-guest', live, 'nobody', wait(2500)],
  ['watch-tray', live, 'viewer', steps(wait(1500), click('gift-open'), click('gift-rose'), click('gift-send'), click('gift-send'), click('gift-send'))],
  ['watch-badges', live, 'viewer', steps(wait(1500), click('gift-open'), click('tab-badges'), wait(600))],
  ['watch-subscribe', live, 'viewer', steps(wait(1500), click('gift-open'), click('tab-subscribe'), wait(600))],
  ['watch-menu', live, 'viewer', steps(wait(1500), click('picture-settings'))],
  ['watch-packs', live, 'viewer', steps(wait(1500), click('gift-open'), click('coins-buy'))],
  ['watch-paying', live, 'viewer', steps(wait(1500), click('gift-open'), click('coins-buy'), click('pack-coins-350'))],
  ['me-adult', '/me', 'creator', steps(wait(900), click('coins-buy'), click('pack-coins-350'))],
  ['watch-sign-in', live, 'nobody', steps(wait(1500), click('gift-open'))],
  ...(real
    ? []
    : [
        ['watch-ranking', live, 'viewer', steps(wait(4500), click('top-strip'), wait(600))],
        ['supporters', '/supporters', 'creator', wait(900)],
        ['watch-tall', '/@marco_tall', 'viewer', crowded],
        ['watch-long', '/@atelier_brume', 'viewer', crowded],
        ['watch-empty', '/@quiet', 'viewer', wait(2000)],
        ['watch-duo', '/@duo', 'viewer', wait(3500)],
        ['watch-duo-tall', '/@duo_tall', 'viewer', wait(3500)],
        ['watch-trio', '/@trio', 'viewer', wait(3500)],
        ['watch-quartet', '/@quartet', 'viewer', wait(3500)],
        ['watch-spot', '/@spot', 'viewer', wait(3500)],
        ['stage-ask', '/@luna', 'nobody', steps(wait(3500), click('ask-to-join'), wait(1500))],
        ['stage-asked', '/@quiet', 'viewer', steps(wait(3500), click('ask-to-join'), wait(1500), click('stage-ask'))],
        ['stage-on', '/@duo', 'viewer', steps(wait(3500), click('ask-to-join'), wait(1500), click('stage-ask'), wait(4500))],
        ['watch-break', '/@pause', 'viewer', wait(2000)],
        ['watch-break-duo', '/@pause_duo', 'viewer', wait(3500)],
        ['replay', '/r/past-1?t=30', 'viewer', wait(6000)],
        ['watch-paid', live, 'viewer', steps(wait(1500), click('gift-open'), click('coins-buy'), click('pack-coins-350'), wait(5500))],
        ['watch-declined', live, 'viewer', steps(wait(1500), click('gift-open'), click('coins-buy'), click('pack-coins-70'), wait(5500))],
        ['watch-capped', live, 'viewer', steps(wait(1500), click('gift-open'), click('coins-buy'), click('pack-coins-17500'))],
        ['watch-away', live, 'viewer', steps(wait(1500), click('gift-open'), click('coins-buy'), click('pack-coins-1400'))],
        ['watch-past', '/@offline', 'viewer', wait(1500)],
        ['studio-clip', '/studio', 'creator', steps(wait(1500), click('replay-clip'), wait(2000))],
        ['watch-soon', '/@tango', 'viewer', wait(1500)],
      ]),
  ['watch-unknown', '/@nobody_here_at_all', 'viewer', wait(1500)],
  ['studio', '/studio', 'creator', wait(2500)],
  ['studio-obs', '/studio', 'creator', steps(wait(1200), click('tab-obs'), click('make-key'))],
  ['studio-later', '/studio', 'creator', steps(wait(1200), click('tab-schedule'))],
  ['studio-live', '/studio', 'creator', steps(wait(2000), click('go-live'), wait(9000))],
  ['studio-stage', '/studio', 'creator', steps(wait(3000), click('stage-admit'), wait(500), click('stage-admit'), wait(2500))],
  ['studio-end', '/studio', 'creator', steps(wait(2500), click('end-live'))],
  ['studio-summary', '/studio', 'creator', steps(wait(2500), click('end-live'), click('end-confirm'))],
  ['earnings', '/earnings', 'creator', steps(wait(1000), async (page) => {
    await page.getByTestId('statement-line').first().click({ timeout: 2000 }).catch(() => {})
    await page.waitForTimeout(700)
  })],
  ['payout', '/earnings', 'creator', steps(wait(1000), click('payout'))],
  ['payout-held', '/earnings', 'viewer', wait(1000)],
  ['payout-bank', '/earnings', 'creator', steps(wait(1000), click('bank-open'))],
  ['sign-in', '/sign-in', 'nobody', wait(600)],
  ['sign-up', '/sign-up', 'nobody', wait(600)],
  ['setup', '/setup#token=abc', 'nobody', wait(600)],
  ['me', '/me', 'creator', wait(900)],
  ['operator', '/operator', 'operator', wait(900)],
  ['operator-sent', '/operator', 'operator', steps(wait(900), click('desk-sent'))],
  ['operator-refuse', '/operator', 'operator', steps(wait(900), click('reject'))],
  ['operator-disputes', '/operator', 'operator', steps(wait(900), click('tab-disputes'))],
  ['operator-notices', '/operator', 'operator', steps(wait(900), click('tab-notices'))],
  ['gallery', '/gallery', 'viewer', wait(1200)],
]
const variants = [
  ['phone', phone, 'light', 'en-GB'],
  ['phone-dark-fr', phone, 'dark', 'fr-FR'],
  ['desktop', desktop, 'light', 'fr-FR'],
  ['desktop-dark', desktop, 'dark', 'en-GB'],
]

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--use-fake-ui-for-media-stream', '--use-fake-device-for-media-stream=fps=30', '--autoplay-policy=no-user-gesture-required'],
})
await mkdir(out, { recursive: true })
for (const [variant, device, colorScheme, lang] of variants) {
  if (arg('variant') && arg('variant') !== variant) continue
  for (const [name, path, as, act] of pages) {
    if (only.length > 0 && !only.includes(name)) continue
    const context = await browser.newContext({ ...device, colorScheme, locale: lang, permissions: ['camera', 'microphone'] })
    const page = await context.newPage()
    page.on('pageerror', (error) => console.log(`${variant} ${name}: ${error.message}`))
    page.on('console', (line) => line.type() === 'error' && console.log(`${variant} ${name}: ${line.text()}`))
    if (real && as !== 'nobody') await context.request.post(`${base}/api/v1/demo/enter`, { data: { as: as === 'creator' ? 'creator' : 'viewer' }, headers: { origin: base } })
    else if (!real) await context.addCookies([{ name: 'busk_mock', value: as, url: base }])
    try {
      await page.goto(base + path)
      await act(page)
    } catch (error) {
      console.log(`${variant} ${name}: ${String(error).split('\n')[0]}`)
    }
    await page.screenshot({ path: `${out}/${name}.${variant}.png` })
    if (process.argv.includes('--full')) await page.screenshot({ path: `${out}/${name}.${variant}.full.png`, fullPage: true })
    await context.close()
  }
}
await browser.close()
