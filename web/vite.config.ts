/// Several HTML pages, one bundle graph. `npm run dev` serves them under the same paths the
/// program does (pages.json) with a small mock of its API unless BUSK_URL names a running one.
import { svelte } from '@sveltejs/vite-plugin-svelte'
import tailwindcss from '@tailwindcss/vite'
import type { Plugin } from 'vite'
import { defineConfig, type ViteUserConfig } from 'vitest/config'
import { icons } from './scripts/icons.ts'
import pages from './pages.json' with { type: 'json' }

const files = [...new Set(pages.pages.map((page) => page.file)), pages.fallback]
/// The watch page is built by itself (`--mode watch`): what other pages need of Svelte would otherwise sit in the
/// chunk it shares with them, before a viewer's first frame.
const watch = 'watch.html'
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
    target: ['chrome123', 'firefox121', 'safari17.5'],
    cssTarget: ['chrome123', 'firefox121', 'safari17.5'],
    modulePreload: { polyfill: false },
    manifest: mode === 'watch' ? '.vite/watch.json' : '.vite/manifest.json',
    emptyOutDir: mode !== 'watch',
    assetsInlineLimit: 0,
    rolldownOptions: {
      input: Object.fromEntries(
        files.filter((file) => (file === watch) === (mode === 'watch')).map((file) => [file.replace('.html', ''), file]),
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
