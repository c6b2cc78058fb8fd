/** The program as an operator meets it: ready, small when idle, an orderly end. */
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { startBusk } from '../src/busk.mjs'

test('busk serve is ready, small when idle, and ends in order', async (t) => {
  const busk = await startBusk()
  try {
    t.diagnostic(`ready after ${busk.readyMs.toFixed()} ms`)
    assert.match(busk.said(), /\/setup/, 'the first start prints the set-up link')
    const status = await readFile(`/proc/${busk.pid}/status`, 'utf8').catch(() => '')
    // Its own memory: how much of its file is mapped depends on how it was built.
    const own = status.match(/RssAnon:\s+(\d+) kB/)
    if (own) assert.ok(Number(own[1]) <= 48 * 1024, `${own[1]} kB of its own`)
    const { ended, said } = await busk.stop()
    assert.equal(ended, 'exit 0', said)
  } finally {
    await busk.remove()
  }
})
