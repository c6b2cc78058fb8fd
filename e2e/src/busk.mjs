/** A real `busk serve` (or `busk demo`) on loopback with a data folder of its own, gone when the test is. */
import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { until } from './wait.mjs'

const program = process.env.BUSK_BIN ?? new URL('../../target/debug/busk', import.meta.url).pathname

export async function startBusk(command = 'serve', settings = []) {
  const folder = await mkdtemp(join(tmpdir(), 'busk-e2e-'))
  const [http, media, metrics, rtmp] = [await freePort(), await freePort(), await freePort(), await freePort()]
  const url = `http://127.0.0.1:${http}`
  const args = [command, '--data-dir', folder, '--http-listen', `127.0.0.1:${http}`, '--public-url', url]
  args.push('--media-listen', `127.0.0.1:${media}`, '--metrics-listen', `127.0.0.1:${metrics}`, '--rtmp-listen', `127.0.0.1:${rtmp}`)
  args.push(...settings)
  const started = performance.now()
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  let said = ''
  child.stdout.on('data', (bytes) => (said += bytes))
  child.stderr.on('data', (bytes) => (said += bytes))
  let ended = null
  child.on('error', (problem) => (ended = String(problem)))
  child.on('exit', (code, signal) => (ended = `exit ${code ?? signal}`))
  const ready = () => fetch(`${url}/readyz`).then((answer) => answer.status, () => 0)
  const busk = {
    url,
    media,
    rtmp: `rtmp://127.0.0.1:${rtmp}/live`,
    folder,
    /** Milliseconds from the start to the first 200 of /readyz. */
    readyMs: 0,
    pid: child.pid,
    said: () => said,
    audit: (...more) => finish(spawn(program, ['audit', '--data-dir', folder, ...more], { stdio: ['ignore', 'pipe', 'pipe'] })),
    /** SIGTERM, and the exit code of an orderly end. */
    async stop() {
      if (ended === null) child.kill('SIGTERM')
      await until('busk ends', () => ended, (how) => how !== null).catch(() => child.kill('SIGKILL'))
      return { ended, said }
    },
    async remove() {
      child.kill('SIGKILL')
      await rm(folder, { recursive: true, force: true })
    },
  }
  try {
    await until(`busk ${command} is ready`, async () => ended ?? (await ready()), (seen) => seen === 200 || ended !== null, { every: 10, ms: 30_000 })
    if (ended !== null) throw new Error(`busk ${command} ended at once (${ended})`)
  } catch (problem) {
    await busk.remove()
    throw new Error(`${problem.message}\n${said}`)
  }
  busk.readyMs = performance.now() - started
  return busk
}

async function finish(child) {
  let said = ''
  child.stdout.on('data', (bytes) => (said += bytes))
  child.stderr.on('data', (bytes) => (said += bytes))
  const code = await new Promise((done, fail) => child.on('exit', done).on('error', fail))
  return { code, said }
}

let turn = process.pid * 131

/**
 * A port that nobody has now, nor takes before the server does: below those that Linux gives to outgoing connections,
 * of which a browser makes many, and apart from those of the Rust tests.
 */
export function freePort() {
  const port = 10_000 + (turn++ % 10_000)
  return new Promise((found) => {
    const server = createServer()
    server.once('error', () => found(freePort()))
    server.listen(port, '127.0.0.1', () => server.close(() => found(port)))
  })
}
