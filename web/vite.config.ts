/// Several HTML pages, one bundle graph. `npm run dev` serves them under the same paths the
/// program does (pages.json) with a small mock of its API unless BUSK_URL names a running one.
import { svelte } from '@sveltejs/vite-plugin-svelte'
import tailwindcss from '@tailwindcss/vite'
import type { Plugin } from 'vite'
import { defineConfig, type ViteUserConfig } from 'vitest/config'
import { icons } from './scripts/icons.ts'
import pages from './pages.json' with { type: 'json' }

const files = [...new Set(pages.pages.map((page) => page.file)), pages.fallback]
/// Pages that are built by themselves (`--mode watch`, `--mode overlay`): what other pages need of Svelte would otherwise
/// sit in the chunk they share with them, before a viewer's first frame, or in a browser source that may run no other script.
const apart = ['watch', 'overlay']
/// OBS 30 has the browser of Chrome 103, newer ones a newer one.
const targetOf = (mode: string) => (mode === 'overlay' ? ['chrome103'] : ['chrome123', 'firefox121', 'safari17.5'])
const server = process.env.BUSK_URL

async function devOnly(): Promise<Plugin[]> {
  const { pageRoutes } = await import('./scripts/mock/routes.ts')
  if (server) return [pageRoutes()]
  const { mock } = await import('./scripts/mock/plugin.ts')
  return [pageRoutes(), mock()]
}

export default defineConfig(async ({ command, mode }): Promise<ViteUserConfig> => ({
  plugins: [
    tailwindcss({ optimize: false }),
    icons(),
    svelte(),
    ...(command === 'serve' && mode !== 'test' ? await devOnly() : []),
  ],
  appType: 'mpa',
  define: { __MOCK_VIDEO__: JSON.stringify(command === 'serve' && !server) },
  resolve: { alias: { $lib: new URL('./src/lib', import.meta.url).pathname } },
  build: {
    // light-dark() must reach the browser as written: a stage inside a light page is dark.
    target: targetOf(mode),
    cssTarget: targetOf(mode),
    modulePreload: { polyfill: false },
    manifest: apart.includes(mode) ? `.vite/${mode}.json` : '.vite/manifest.json',
    emptyOutDir: !apart.includes(mode),
    assetsInlineLimit: 0,
    rolldownOptions: {
      input: Object.fromEntries(
        files
          .map((file) => [file.replace('.html', ''), file] as const)
          .filter(([name]) => (apart.includes(mode) ? name === mode : !apart.includes(name))),
      ),
    },
  },
  server: {
    host: '127.0.0.1',
    port: 5173,
    proxy: server
      ? Object.fromEntries(
          ['/api', '/whip', '/whep', '/webrtc', '/hls', '/replays', '/sandbox', '/ws'].map((path) => [path, { target: server, ws: path === '/ws' }]),
        )
      : {},
  },
  test: { passWithNoTests: false, include: ['tests/**/*.test.ts'], environment: 'node' },
}))
