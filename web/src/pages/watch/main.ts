import '../../styles/app.css'
import { start } from '$lib/ui/start'
import Page from './Watch.svelte'

start(Page)
