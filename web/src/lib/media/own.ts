/** Somebody's own place on stage: shown from their camera here, not from the server. */
import type { Devices } from './devices.svelte'

export interface Own {
  seat: number
  devices: Devices
}
