// A viewer's first frame must not wait for more than 40 kB of script. Adds up, gzipped, what watch.html loads by
// itself: its module, everything that one imports statically, and the classic scripts in its head.
import { readFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'

const limit = 40_960
const dist = new URL('../dist/', import.meta.url)
const manifest = JSON.parse(readFileSync(new URL('.vite/manifest.json', dist), 'utf8'))
const html = readFileSync(new URL('watch.html', dist), 'utf8')

const files = new Set()
const visit = (key) => {
  const chunk = manifest[key]
  if (files.has(chunk.file)) return
  files.add(chunk.file)
  for (const next of chunk.imports ?? []) visit(next)
}
visit('watch.html')
for (const [, path] of html.matchAll(/<script[^>]*\bsrc="\/([^"]+)"/g)) files.add(path)
for (const [, path] of html.matchAll(/<link[^>]*rel="modulepreload"[^>]*href="\/([^"]+)"/g)) files.add(path)

let sum = 0
for (const file of files) {
  const size = gzipSync(readFileSync(new URL(file, dist)), { level: 9 }).length
  sum += size
  console.log(`${String(size).padStart(7)}  ${file}`)
}
console.log(`${String(sum).padStart(7)}  script before a viewer's first frame, gzipped (limit ${limit})`)
if (sum > limit) process.exit(1)
