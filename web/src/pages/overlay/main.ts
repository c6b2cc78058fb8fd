/**
 * A browser source. `#SECRET` says whose overlay it is and of which kind; `?test=1` plays samples, with the look of the
 * secret's overlay where there is one, else of `?kind=`; `?preview` is the studio's, which says by messages how it looks.
 */
import '../../styles/fonts.css'
import './overlay.css'
import { mount } from 'svelte'
import { langs, locale } from '$lib/i18n/index.svelte'
import type { OverlayLook, OverlayShown } from '$lib/api'
import { kinds, plain } from '$lib/overlays/look'
import { Samples } from '$lib/overlays/samples'
import { Source } from '$lib/overlays/source'
import { Screen } from './screen.svelte'
import Page from './Overlay.svelte'

const query = new URLSearchParams(location.search)
const secret = location.hash.slice(1)
const lang = langs.find((each) => each === query.get('lang'))
if (lang) locale.choose(lang)

const screen = new Screen()
const kind = kinds.find((each) => each === query.get('kind'))
if (kind) screen.dress(kind, plain(kind))
mount(Page, { target: document.getElementById('page')!, props: { screen } })

const samples = new Samples(screen)
if (query.has('preview')) preview()
else if (query.get('test') === '1') void test()
else if (secret) void new Source(secret, screen).follow()

/** Its own look if it has one; nothing of its live. */
async function test(): Promise<void> {
  if (secret) await new Source(secret, screen).look()
  samples.begin()
}

interface Wanted {
  kind?: unknown
  look?: unknown
  gifts?: unknown
  sound?: unknown
}
/** Only the page around it may say how it looks; what it says are numbers and words, as the server's are. */
function preview(): void {
  screen.quiet = true
  samples.begin()
  addEventListener('message', ({ source, origin, data }) => {
    if (source !== parent || origin !== location.origin) return
    const wanted = data as Wanted
    const of = kinds.find((each) => each === wanted.kind)
    if (!of || typeof wanted.look !== 'object') return
    screen.quiet = wanted.sound !== true
    if (Array.isArray(wanted.gifts)) screen.gifts = wanted.gifts as OverlayShown['gifts']
    screen.dress(of, wanted.look as OverlayLook)
    if (wanted.sound === true) samples.begin()
  })
  parent.postMessage('busk-overlay-ready', '*')
}
