// Builds the pages, then those that are built by themselves (see vite.config.ts), and leaves one manifest of all.
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { build } from 'vite'

const at = (name) => new URL(`../dist/${name}`, import.meta.url)
const read = (name) => JSON.parse(readFileSync(at(name), 'utf8'))

await build()
const all = read('.vite/manifest.json')
for (const mode of ['watch', 'overlay']) {
  await build({ mode })
  const own = read(`.vite/${mode}.json`)
  // What several builds made, each its own way, stands under a key of its own.
  const twice = new Set(Object.keys(own).filter((key) => all[key] && all[key].file !== own[key].file))
  const keyOf = (key) => (twice.has(key) ? `${mode}/${key}` : key)
  for (const [key, chunk] of Object.entries(own)) {
    for (const list of ['imports', 'dynamicImports']) if (chunk[list]) chunk[list] = chunk[list].map(keyOf)
    all[keyOf(key)] = chunk
  }
  rmSync(at(`.vite/${mode}.json`))
}
writeFileSync(at('.vite/manifest.json'), JSON.stringify(all, null, 2))
