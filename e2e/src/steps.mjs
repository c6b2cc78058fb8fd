/** A walk in steps of which each needs the one before: after one that failed, the rest are left out. */
import { test } from 'node:test'
import { photograph } from './browser.mjs'

/** `scene` says who is there by the time that something fails, for pictures and faults of their pages. */
export function steps(label, scene) {
  let broken = false
  return (name, walk) =>
    test(name, async (t) => {
      if (broken) return t.skip('an earlier step failed')
      try {
        await walk()
      } catch (problem) {
        broken = true
        const { screens, busk } = scene()
        await photograph(screens, label)
        console.error(JSON.stringify(screens.flatMap((screen) => screen.faults), null, 1), busk.said().slice(-4_000))
        throw problem
      }
    })
}
