// Builds the pages, then the watch page by itself (see vite.config.ts), and leaves one manifest of both.
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { build } from 'vite'

await build()
await build({ mode: 'watch' })

const at = (name) => new URL(`../dist/${name}`, import.meta.url)
const read = (name) => JSON.parse(readFileSync(at(name), 'utf8'))
const [main, watch] = [read('.vite/manifest.json'), read('.vite/watch.json')]
// What both builds made, each its own way, stands under a key of its own.
const twice = new Set(Object.keys(watch).filter((key) => main[key] && main[key].file !== watch[key].file))
const keyOf = (key) => (twice.has(key) ? `watch/${key}` : key)
for (const [key, chunk] of Object.entries(watch)) {
  for (const list of ['imports', 'dynamicImports']) if (chunk[list]) chunk[list] = chunk[list].map(keyOf)
  main[keyOf(key)] = chunk
}
writeFileSync(at('.vite/manifest.json'), JSON.stringify(main, null, 2))
rmSync(at('.vite/watch.json'))
