/// `import gift from 'icon:gift'` gives the drawing inside lucide's gift.svg, so a page carries only the icons it shows.
import { readFileSync } from 'node:fs'
import type { Plugin } from 'vite'

export function icons(): Plugin {
  return {
    name: 'icons',
    resolveId: (id) => (id.startsWith('icon:') ? `\0${id}` : null),
    load(id) {
      if (!id.startsWith('\0icon:')) return null
      const svg = readFileSync(new URL(`../node_modules/lucide-static/icons/${id.slice(6)}.svg`, import.meta.url), 'utf8')
      const inner = /<svg[^>]*>([\s\S]*)<\/svg>/.exec(svg)![1]!.replace(/\n\s*/g, '').replaceAll(' />', '/>')
      return `export default ${JSON.stringify(inner)}`
    },
  }
}
