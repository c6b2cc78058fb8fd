import '../../styles/app.css'
import { start } from '$lib/ui/start'
import Page from './Home.svelte'

start(Page)
