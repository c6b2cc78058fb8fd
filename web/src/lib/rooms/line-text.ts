/**
 * A line's text in parts: links (http and https only), names that are called with @, and the rest. Pure; the parts put
 * together are the text again.
 */
export interface Part {
  kind: 'text' | 'link' | 'name' | 'me'
  text: string
}

const marks = /https?:\/\/[^\s<>"'«»]+|@[\p{L}\p{N}_]+/giu

/** `own` are the reader's handle and name. */
export function partsOf(text: string, own: readonly (string | null | undefined)[]): Part[] {
  const parts: Part[] = []
  let from = 0
  const upTo = (end: number) => end > from && parts.push({ kind: 'text', text: text.slice(from, end) })
  for (const match of text.matchAll(marks)) {
    const found = match[0].startsWith('@') ? match[0] : trimmed(match[0])
    if (!found.startsWith('@') && !isWeb(found)) continue
    // An address of a mailbox calls nobody.
    if (found.startsWith('@') && /[\p{L}\p{N}_.]/u.test(text[match.index - 1] ?? '')) continue
    upTo(match.index)
    const kind = !found.startsWith('@') ? 'link' : isOwn(found.slice(1), own) ? 'me' : 'name'
    parts.push({ kind, text: found })
    from = match.index + found.length
  }
  upTo(text.length)
  return parts
}

/** The stop or bracket after a link is the sentence's. */
function trimmed(link: string): string {
  const bare = link.replace(/[.,;:!?…]+$/, '')
  return bare.endsWith(')') && !bare.includes('(') ? bare.slice(0, -1) : bare
}

function isWeb(link: string): boolean {
  try {
    const { protocol, hostname } = new URL(link)
    return (protocol === 'http:' || protocol === 'https:') && hostname !== ''
  } catch {
    return false
  }
}

function isOwn(called: string, own: readonly (string | null | undefined)[]): boolean {
  const plain = (name: string) => name.replaceAll(' ', '').toLowerCase()
  return own.some((name) => name && plain(name) === called.toLowerCase())
}
