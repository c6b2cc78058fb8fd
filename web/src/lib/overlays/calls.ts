/** A channel's overlays, as its owner changes them. */
import { call, type List, type Overlay, type OverlayKind, type OverlayLook, type OverlayWithSecret } from '$lib/api'

const path = (handle: string, kind = ''): string => `/channels/${encodeURIComponent(handle)}/overlays${kind && `/${kind}`}`
export const overlaysOf = async (handle: string): Promise<Overlay[]> => (await call<List<Overlay>>('GET', path(handle))).items
export const dress = (handle: string, kind: OverlayKind, look: OverlayLook): Promise<Overlay> => call('PUT', path(handle, kind), look)
export const renew = (handle: string, kind: OverlayKind): Promise<OverlayWithSecret> => call('POST', `${path(handle, kind)}/secret`)
export const shut = (handle: string, kind: OverlayKind): Promise<Overlay> => call('DELETE', `${path(handle, kind)}/secret`)
