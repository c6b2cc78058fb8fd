/** Whose books the page of earnings shows: one's own, or those of a page of one's own that its address names. */
export const channel = new URLSearchParams(location.search).get('channel')

/** The call, for that channel. */
export function booksOf(path: string): string {
  if (!channel) return path
  return `${path}${path.includes('?') ? '&' : '?'}channel=${encodeURIComponent(channel)}`
}
