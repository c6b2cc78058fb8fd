import '../../styles/app.css'
import { start } from '$lib/ui/start'
import Page from './Earnings.svelte'

start(Page)
