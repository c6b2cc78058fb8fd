// Builds the pages, then the watch page by itself (see vite.config.ts), and leaves one manifest of both.
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { build } from 'vite'

await build()
await build({ mode: 'watch' })

const at = (name) => new URL(`../dist/${name}`, import.meta.url)
const read = (name) => JSON.parse(readFileSync(at(name), 'utf8'))
const [main, watch] = [read('.vite/manifest.json'), read('.vite/watch.json')]
for (const [key, { file }] of Object.entries(watch)) {
  if (main[key] && main[key].file !== file) throw new Error(`${key} was built twice: ${main[key].file}, ${file}`)
}
writeFileSync(at('.vite/manifest.json'), JSON.stringify({ ...main, ...watch }, null, 2))
rmSync(at('.vite/watch.json'))
