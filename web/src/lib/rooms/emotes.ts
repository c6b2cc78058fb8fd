/** A channel's emotes: their calls, and where they stand in a text. */
import { call, type Emote, type List, type UsedEmote } from '$lib/api'

const pathOf = (handle: string) => `/channels/${encodeURIComponent(handle)}/emotes`
export const emotesOf = async (handle: string): Promise<Emote[]> => (await call<List<Emote>>('GET', pathOf(handle))).items
export const addEmote = (handle: string, emote: { name: string; tiers: number[]; picture: string }): Promise<UsedEmote> => call('POST', pathOf(handle), emote)
export const changeEmote = (handle: string, id: string, tiers: number[]): Promise<unknown> => call('PATCH', `${pathOf(handle)}/${id}`, { tiers })
export const removeEmote = (handle: string, id: string): Promise<void> => call('DELETE', `${pathOf(handle)}/${id}`)
export const pictureOf = (id: string, size: 28 | 56 | 112): string => `/emotes/${encodeURIComponent(id)}/${size}`

/** The text in pieces: words, and the emotes that the message may show. */
export function piecesOf(text: string, emotes: readonly UsedEmote[]): (string | UsedEmote)[] {
  const byName = new Map(emotes.map((emote) => [`:${emote.name}:`, emote]))
  return text.split(/(:\w{2,20}:)/).flatMap((piece) => (piece === '' ? [] : [byName.get(piece) ?? piece]))
}

/** What fits into an upload: the program draws it anew, and keeps no more than 112 pixels of it. */
const edges = [224, 160, 112]
const bytesMax = 45 * 1024

/** A picture of the person's as base64, small enough to be sent; null for what is no picture. */
export async function uploadOf(file: Blob): Promise<string | null> {
  const picture = await createImageBitmap(file).catch(() => null)
  if (!picture) return null
  for (const edge of edges) {
    const scale = Math.min(1, edge / Math.max(picture.width, picture.height))
    const canvas = new OffscreenCanvas(Math.max(1, Math.round(picture.width * scale)), Math.max(1, Math.round(picture.height * scale)))
    canvas.getContext('2d')?.drawImage(picture, 0, 0, canvas.width, canvas.height)
    const png = await canvas.convertToBlob({ type: 'image/png' })
    if (png.size <= bytesMax) return base64(new Uint8Array(await png.arrayBuffer()))
  }
  return null
}
function base64(bytes: Uint8Array): string {
  let text = ''
  for (const byte of bytes) text += String.fromCharCode(byte)
  return btoa(text)
}
