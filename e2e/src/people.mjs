/** What a person does on the pages, by what they see. */
import { until, wholeNumber } from './wait.mjs'

/** Makes an account through the form; ends signed in. */
export async function signUp(screen, { handle, name, password = 'correct horse battery' }) {
  const { page } = screen
  await page.goto('/sign-up')
  await page.locator('input[name=username]').fill(handle)
  await page.locator('input[name=name]').fill(name)
  await page.locator('input[name=password]').fill(password)
  await screen.id('auth-submit').click()
  // The form leads on to another page by itself.
  await page.waitForURL((url) => url.pathname !== '/sign-up')
  await until(`${handle} is signed in`, () => me(screen), (seen) => seen.kind === 'person' && seen.handle === handle)
}

/** Who the server says this browser is. */
export function me(screen) {
  return ask(screen, '/api/v1/me')
}

/** Asks the API with the browser's cookies, whatever its page is doing. */
async function ask(screen, path) {
  return (await screen.context.request.get(path)).json()
}

export async function say(screen, text) {
  await screen.id('chat-input').fill(text)
  await screen.id('chat-send').click()
}

/**
 * Says something as soon as the rate lets one; `becomes` is what it is on the screen then. Only what was refused is said
 * again, so that it is said once.
 */
export async function sayWhenLet(screen, text, becomes) {
  const refused = screen.page.getByRole('alert').filter({ hasText: /Wait \d+ s/ })
  const once = async () => {
    await say(screen, text)
    await becomes.or(refused).first().waitFor()
    return (await refused.count()) === 0
  }
  await until(`${screen.name} may say ${text}`, once, (said) => said, { every: 3_000, ms: 20_000 })
}

/** Waits until this screen shows the message. */
export function hears(screen, text) {
  return screen.id('chat-message').filter({ hasText: text }).first().waitFor()
}

/** The whole number that a testid shows now. */
export async function number(screen, testid) {
  return wholeNumber(await screen.id(testid).first().textContent())
}

export function numberBecomes(screen, testid, wanted) {
  return until(`${testid} on ${screen.name}`, () => number(screen, testid), (seen) => seen === wanted)
}

/** From the studio's front door to the air with one click. */
export async function goLive(screen, handle) {
  await screen.page.goto('/studio')
  await screen.id('go-live').click()
  await until('the room is live', () => roomState(screen, handle), (state) => state === 'live')
  await screen.id('end-live').waitFor()
}

/** The state of the channel's open room, or null when there is none. */
export async function roomState(screen, handle) {
  return (await ask(screen, `/api/v1/channels/${handle}`)).room?.state ?? null
}

/**
 * Presses what opens the provider's page, decides there, and closes it. The page that was left finds out by itself.
 * @param look gets the provider's page before anything is decided there
 */
export async function payBy(screen, button, { choice = 'sandbox-pay', look } = {}) {
  const opened = screen.context.waitForEvent('page')
  await button.click()
  const checkout = await opened
  await checkout.waitForURL('**/sandbox/checkout/**')
  await look?.(checkout)
  await checkout.getByTestId(choice).click()
  await checkout.getByTestId('sandbox-outcome').waitFor()
  await checkout.close()
}
