// Shows what a push service brings, and opens the live on a click. What came is text for one sentence, nothing more:
// the address is of this site, whatever it says.
const words = {
  en: (channel) => `${channel} is live`,
  fr: (channel) => `${channel} est en direct`,
}
const sentence = words[self.navigator.language.slice(0, 2)] ?? words.en

function read(data) {
  try {
    const { channel, title, url, tag } = data.json()
    return { channel: String(channel), title: String(title), url: String(url), tag: String(tag) }
  } catch {
    return { channel: 'Busk', title: '', url: '/', tag: 'busk' }
  }
}

self.addEventListener('push', (event) => {
  const { channel, title, url, tag } = read(event.data)
  // The same live again takes the first one's place.
  const shown = self.registration.showNotification(sentence(channel), { body: title, tag, icon: '/assets/mark.svg', data: { url } })
  event.waitUntil(shown)
})

self.addEventListener('notificationclick', (event) => {
  event.notification.close()
  const wanted = new URL(event.notification.data?.url ?? '/', self.location.origin)
  const to = wanted.origin === self.location.origin ? wanted.href : self.location.origin
  event.waitUntil(open(to))
})

async function open(to) {
  const pages = await self.clients.matchAll({ type: 'window', includeUncontrolled: true })
  const there = pages.find((page) => page.url === to)
  return there ? there.focus() : self.clients.openWindow(to)
}
