/** Waiting for what a test expects, with what was last seen in the failure. */
import assert from 'node:assert/strict'

/**
 * Asks `look` until `enough` says yes, and gives what it saw.
 * @template T
 * @param {string} what what is waited for, for the failure's text
 * @param {() => Promise<T> | T} look
 * @param {(seen: T) => boolean} enough
 */
export async function until(what, look, enough, { ms = 60_000, every = 100 } = {}) {
  const end = performance.now() + ms
  let seen
  for (;;) {
    seen = await look()
    if (enough(seen)) return seen
    if (performance.now() > end) assert.fail(`${what}: not within ${ms} ms; last seen: ${JSON.stringify(seen)}`)
    await new Promise((wake) => setTimeout(wake, every))
  }
}

/** The whole number in a text such as "1,234 coins" or "1 234". */
export function wholeNumber(text) {
  const digits = (text ?? '').replace(/[\s.,\u00a0\u202f]/g, '').match(/\d+/)
  return digits ? Number(digits[0]) : null
}
