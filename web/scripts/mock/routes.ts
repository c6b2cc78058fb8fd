/// In development the pages answer under the same paths as in the program: pages.json is the one list.
import type { Plugin } from 'vite'
import pages from '../../pages.json' with { type: 'json' }

export function fileFor(path: string): string | null {
  for (const page of pages.pages) {
    const pattern = page.path.replace(/[.*+?^$()|[\]\\]/g, '\\$&').replace(/\{[^}]+\}/g, '[^/]+')
    if (new RegExp(`^${pattern}$`).test(path)) return page.file
  }
  return null
}

export function pageRoutes(): Plugin {
  return {
    name: 'page-routes',
    configureServer(server) {
      server.middlewares.use((request, _answer, next) => {
        const path = (request.url ?? '/').split('?')[0]!
        const internal = path.startsWith('/@vite') || path.startsWith('/@fs') || path.startsWith('/@id')
        const file = internal ? null : fileFor(path)
        if (file) request.url = `/${file}`
        next()
      })
    },
  }
}
