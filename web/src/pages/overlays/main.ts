import '../../styles/app.css'
import { start } from '$lib/ui/start'
import Page from './Overlays.svelte'

start(Page)
